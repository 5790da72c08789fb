-- The floor of six checks: one statement each, and their verdicts as one line of JSON.
\set ON_ERROR_STOP on
\pset tuples_only on
\pset format unaligned
with verdicts (name, failing) as (
    select 'unique', count(*) from (
        select from attendance group by student, school, day having count(*) > 1
    ) as repeated
    union all select 'student', count(*) from attendance where student is null
    union all select 'school', count(*) from attendance where school is null
    union all select 'day', count(*) from attendance where day is null
    union all select 'code', count(*) from attendance where code is null
    union all select 'accepted', count(*) from attendance
    where code not in ('In Attendance', 'Excused Absence', 'Unexcused Absence', 'Tardy')
)
select json_build_object(
    'checks', count(*),
    'failed', coalesce(json_agg(name order by name) filter (where failing > 0), '[]')
) from verdicts;
