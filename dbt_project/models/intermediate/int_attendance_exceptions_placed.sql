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

-- What is known of a day beside being enrolled: an event, a suspension or both. A
-- suspension stands over an event that says otherwise.
exceptions as (

    select
        coalesce(suspensions.student_key, events.student_key) as student_key,
        coalesce(suspensions.school_key, events.school_key) as school_key,
        coalesce(suspensions.suspension_date, events.event_date) as exception_date,
        case
            when suspensions.student_key is not null then 'suspension'
            when events.is_absent then events.absence_kind
        end as absence_kind,
        suspensions.student_key is not null or events.is_absent as is_absent,
        suspensions.student_key is null
        and not events.is_absent
        and events.is_tardy as is_tardy,
        suspensions.student_key is not null or events.is_known as is_known

    from events

    full join suspensions
        on
            events.student_key = suspensions.student_key
            and events.school_key = suspensions.school_key
            and events.event_date = suspensions.suspension_date

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
