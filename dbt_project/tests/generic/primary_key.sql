{% test primary_key(model, columns) %}

-- Rows whose key is doubled, or empty in a part.
select
    {{ columns | join(', ') }},
    count(*) as row_count

from {{ model }}

group by {{ columns | join(', ') }}

having
    count(*) > 1
    or {{ columns | join(' is null or ') }} is null

{% endtest %}
