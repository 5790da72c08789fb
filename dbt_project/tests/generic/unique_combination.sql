{% test unique_combination(model, columns) %}

-- Rows whose key is doubled; a part of the key may be empty.
select
    {{ columns | join(', ') }},
    count(*) as row_count

from {{ model }}

group by {{ columns | join(', ') }}

having count(*) > 1

{% endtest %}
