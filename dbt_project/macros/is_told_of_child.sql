{# Whether a row of the relation `source` was told of the child who has the id now, and
   not of another who had it before: by what it claims to be true at. To ask first whether
   an id ever changed would cost less, and was taken for so dear by the planner that builds
   took minutes. #}
{% macro is_told_of_child(student_id) %}
    not exists (
        select 1 from (select * from {{ source('ops', 'student_change') }}) as changes
        where
            changes.student_source_id = source.{{ student_id }}
            and changes.state in ('open', 'another')
            and source._effective_at < changes.told_since
    )
{%- endmacro %}
