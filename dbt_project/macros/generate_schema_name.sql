{#-
  One row of schemas for everybody: a folder's schema is its name, whatever the target. A trial
  of edited rules stands beside them, under a prefix.
-#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ env_var('WRAPAROUND_SCHEMA_PREFIX', '') -}}
    {{ custom_schema_name if custom_schema_name is not none else target.schema }}
{%- endmacro %}
