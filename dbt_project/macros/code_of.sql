{#- The value of an Ed-Fi descriptor: what follows '#', or the whole where there is no '#'. -#}
{% macro code_of(column_name) -%}
    trim(split_part({{ column_name }}, '#', -1))
{%- endmacro %}
