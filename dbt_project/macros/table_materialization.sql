{#-
  How a table is made: in one message to the server, in one transaction. dbt's own way asks a
  dozen small questions around each table, and most of a night of few rows went into those.
  Readers see the former table until the new one is whole. The contract's columns are compared
  as by dbt; hooks stand inside the transaction; nothing here grants rights, for the schemas'
  default privileges do. The server's own worker leaves these tables alone: nothing changes in
  them, the hooks look at those whose plans need it, and the next build makes them anew.
-#}
{% materialization table, adapter='postgres' -%}

    {%- set former = load_cached_relation(this) -%}
    {%- set made = this.incorporate(type='table') -%}
    {%- set fresh = make_intermediate_relation(made) -%}

    {%- call statement('main') -%}
        {{ hooks_in_line(pre_hooks) }}
        drop table if exists {{ fresh }} cascade;
        {{ get_create_table_as_sql(False, fresh, sql) }}
        alter table {{ fresh }} set (autovacuum_enabled = false);
        {% if former is not none -%}
            drop {{ former.type }} if exists {{ former }} cascade;
        {%- endif %}
        alter table {{ fresh }} rename to {{ adapter.quote(made.identifier) }};
        {{ hooks_in_line(post_hooks) }}
        {{ comments_in_line(made) }}
    {%- endcall -%}

    {%- do adapter.commit() -%}
    {%- if former is not none -%}
        {#- What stood on the former table went with it, a view for instance. -#}
        {%- do adapter.cache_dropped(former) -%}
    {%- endif -%}

    {{ return({'relations': [made]}) }}

{%- endmaterialization %}


{% macro hooks_in_line(hooks) -%}
    {%- for hook in hooks %}
        {{ render(hook.sql) }};
    {%- endfor -%}
{%- endmacro %}


{#- The contract holds the columns to what is described, so none is looked up. -#}
{% macro comments_in_line(relation) -%}
    {%- if config.persist_relation_docs() %}
        comment on table {{ relation }} is {{ postgres_escape_comment(model.description) }};
    {%- endif -%}
    {%- if config.persist_column_docs() -%}
        {%- for column in model.columns.values() %}
            comment on column {{ relation }}.{{ adapter.quote(column.name) }}
            is {{ postgres_escape_comment(column.description) }};
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}
