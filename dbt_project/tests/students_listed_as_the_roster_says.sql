-- What: schools whose list differs in number from the roster, or lacks profile rows.
-- Why it matters: a child who is missing from the list is seen by nobody.
-- What to do: compare the list with the roster's enrollments; report what differs.
with

gate_metrics as (

    select * from {{ ref('rpt_gate_metrics') }}

),

final as (

    select
        school_key,
        active_students,
        students_listed,
        profile_rows_missing

    from gate_metrics

    where
        active_students <> students_listed
        or profile_rows_missing <> 0
        or duplicate_students <> 0

)

select * from final
