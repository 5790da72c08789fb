-- What: attendance events on days that have not come.
-- Why it matters: a date typed wrongly is missing on the day that it was meant for.
-- What to do: ask the school for the right dates; planned absences count on their day.
with

findings as (

    select * from {{ ref('int_attendance_findings_counted') }}

),

final as (

    select
        school_key,
        events_ahead

    from findings

    where events_ahead > 0

)

select * from final
