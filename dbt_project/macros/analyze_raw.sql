{#-
  Statistics of the raw tables that changed since the last look. A first load has none, and
  a plan made without them takes a thousand times as long. The server's own worker comes
  round too late for a build that follows the load. Only who owns a table may look at it so.
-#}
{% macro analyze_raw() -%}
    set role wraparound_loader;
    do $$
    declare
        changed_table regclass;
    begin
        for changed_table in
            select relid from pg_stat_user_tables
            where schemaname = 'raw' and n_mod_since_analyze > 0
        loop
            execute format('analyze %s', changed_table);
        end loop;
    end
    $$;
    set role {{ target.role }}
{%- endmacro %}
