-- What: attendance events on school days of students who were not enrolled there.
-- Why it matters: they count nowhere, so an absence may be missing from the lists.
-- What to do: ask the school to correct the enrollment; events need not be resent.
with

findings as (

    select * from {{ ref('int_attendance_findings_counted') }}

),

final as (

    select
        school_key,
        days_not_enrolled

    from findings

    where days_not_enrolled > 0

)

select * from final
