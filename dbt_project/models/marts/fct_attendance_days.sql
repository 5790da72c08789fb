with

spells as (

    select * from {{ ref('int_enrollment_spells_united') }}

),

school_days as (

    select * from {{ ref('int_instructional_days_resolved') }}
    where is_submitted

),

events as (

    select * from {{ ref('int_attendance_events_decided') }}

),

suspensions as (

    select * from {{ ref('int_suspension_days_expanded') }}

),

schools as (

    select * from {{ ref('int_schools_identified') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

final as (

    select
        spells.student_key,
        spells.school_key,
        school_days.school_day_number,
        run_dates.school_year,
        school_days.school_day_date as attendance_date,
        case
            when suspensions.student_key is not null then 'suspension'
            when events.is_absent then events.absence_kind
        end as absence_kind,
        suspensions.student_key is not null
        or coalesce(events.is_absent, false) as is_absent,
        suspensions.student_key is null
        and not coalesce(events.is_absent, false)
        and coalesce(events.is_tardy, false) as is_tardy,
        -- No event is present where a school reports absences only; elsewhere unknown.
        suspensions.student_key is not null
        or coalesce(events.is_known, schools.attendance_mode = 'negative') as is_known

    from spells

    inner join school_days
        on
            spells.school_key = school_days.school_key
            and spells.from_date <= school_days.school_day_date
            and spells.to_date > school_days.school_day_date

    inner join schools
        on spells.school_key = schools.school_key

    cross join run_dates

    left join events
        on
            spells.student_key = events.student_key
            and spells.school_key = events.school_key
            and school_days.school_day_date = events.event_date

    left join suspensions
        on
            spells.student_key = suspensions.student_key
            and spells.school_key = suspensions.school_key
            and school_days.school_day_date = suspensions.suspension_date

)

select * from final
