{#-
  Statistics of the raw tables that changed since the last look. A first load has none, and
  a plan made without them takes a thousand times as long. The server's own worker comes
  round too late for a build that follows the load. Only who owns a table may look at it so.
  A server that crashed has forgotten what changed, not what it saw when it looked last: so a
  table that was never looked at is looked at too. The sample is that of the tables built.
-#}
{% macro analyze_raw() -%}
    set role wraparound_loader;
    do $$
    declare
        changed_table regclass;
    begin
        set local default_statistics_target = 25;
        for changed_table in
            select counted.relid
            from pg_stat_user_tables as counted
            inner join pg_class as known on counted.relid = known.oid
            where
                counted.schemaname = 'raw'
                and (counted.n_mod_since_analyze > 0 or known.reltuples < 0)
        loop
            execute format('analyze %s', changed_table);
        end loop;
    end
    $$;
    set role {{ target.role }}
{%- endmacro %}
