-- What: attendance events on days without school, or of students not enrolled that day.
-- Why it matters: they count nowhere, so a child may be absent more than the lists say.
-- What to do: ask the school to correct calendar or enrollment, and resend attendance.
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
