{% test expression_is_true(model, expression) %}

-- Rows for which the expression is not true, or not known.
select 1 as failing

from {{ model }}

where not coalesce({{ expression }}, false)

{% endtest %}
