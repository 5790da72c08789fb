-- What: attendance events on days without school.
-- Why it matters: they count nowhere, so a child may be absent more than the lists say.
-- What to do: ask the school to correct the calendar, or the dates of the events.
with

findings as (

    select * from {{ ref('int_attendance_findings_counted') }}

),

final as (

    select
        school_key,
        events_off_calendar

    from findings

    where events_off_calendar > 0

)

select * from final
