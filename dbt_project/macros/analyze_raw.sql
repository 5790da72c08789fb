{#-
  Statistics of the raw tables that changed since the last look. A first load has none, and
  a plan made without them takes a thousand times as long. The server's own worker comes
  round too late for a build that follows the load. Only who owns a table may look at it so.
  A server that crashed, or a copy, has forgotten what changed, not what it saw when it looked
  last; a load looks at the columns it needs. So a table of which a column was never looked at
  is looked at too. The sample is that of the tables built.
-#}
{% macro analyze_raw() -%}
    set role wraparound_loader;
    do $$
    declare
        changed_table regclass;
    begin
        set local default_statistics_target = {{ var('statistics_target') }};
        for changed_table in
            select counted.relid
            from pg_stat_user_tables as counted
            inner join pg_class as known on counted.relid = known.oid
            where
                counted.schemaname = 'raw'
                and (
                    counted.n_mod_since_analyze > 0
                    or known.reltuples < 0
                    or known.reltuples > 0
                    and exists (
                        select from pg_attribute as told
                        where
                            told.attrelid = counted.relid
                            and told.attnum > 0
                            and not told.attisdropped
                            and not exists (
                                select from pg_stats as seen
                                where
                                    seen.schemaname = counted.schemaname
                                    and seen.tablename = counted.relname
                                    and seen.attname = told.attname
                            )
                    )
                )
        loop
            execute format('analyze %s', changed_table);
        end loop;
    end
    $$;
    set role {{ target.role }}
{%- endmacro %}
