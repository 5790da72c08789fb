{# The id of a need, of student, school and rule: it keeps it when its level changes. Whoever has
   an id that another child had before also has the key of ours in it, `later_key`: what is said
   of the other child's needs must not reach them. #}
{% macro need_id(student_id, later_key, school_id, rule_id) -%}
    md5(concat_ws('|', {{ student_id }}, {{ school_id }}, {{ rule_id }}))
    || coalesce('-' || {{ later_key }}, '')
{%- endmacro %}
