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

schools as (

    select * from {{ ref('int_schools_identified') }}

),

suspensions as (

    select * from {{ ref('int_suspension_days_expanded') }}

),

-- Where a school reports absences only, a day attended is what silence says of it.
telling_events as (

    select
        events.student_key,
        events.school_key,
        events.absence_kind,
        events.event_date,
        events.is_absent,
        events.is_tardy,
        events.is_known

    from events

    inner join schools
        on events.school_key = schools.school_key

    where
        events.is_absent
        or events.is_tardy
        or events.is_known <> (schools.attendance_mode = 'negative')

),

-- What is known of a day beside being enrolled: an event, a suspension or both. A
-- suspension stands over an event that says otherwise.
exceptions as (

    select
        coalesce(suspensions.student_key, telling_events.student_key) as student_key,
        coalesce(suspensions.school_key, telling_events.school_key) as school_key,
        coalesce(suspensions.suspension_date, telling_events.event_date)
            as exception_date,
        case
            when suspensions.student_key is not null then 'suspension'
            when telling_events.is_absent then telling_events.absence_kind
        end as absence_kind,
        suspensions.student_key is not null or telling_events.is_absent as is_absent,
        suspensions.student_key is null
        and not telling_events.is_absent
        and telling_events.is_tardy as is_tardy,
        suspensions.student_key is not null or telling_events.is_known as is_known

    from telling_events

    full join suspensions
        on
            telling_events.student_key = suspensions.student_key
            and telling_events.school_key = suspensions.school_key
            and telling_events.event_date = suspensions.suspension_date

),

-- Stay and day in one number: millions of days find their exception by it at once. A
-- school year has fewer than a thousand days.
final as (

    select
        spells.spell_number,
        school_days.school_day_number,
        exceptions.absence_kind,
        exceptions.is_absent,
        exceptions.is_tardy,
        exceptions.is_known,
        spells.spell_number * 1000 + school_days.school_day_number as spell_day_number

    from exceptions

    inner join spells
        on
            exceptions.student_key = spells.student_key
            and exceptions.school_key = spells.school_key
            and exceptions.exception_date >= spells.from_date
            and exceptions.exception_date < spells.to_date

    inner join school_days
        on
            exceptions.school_key = school_days.school_key
            and exceptions.exception_date = school_days.school_day_date

)

select * from final
