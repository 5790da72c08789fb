with

stays as (

    select * from {{ ref('int_stay_days_numbered') }}

),

school_days as (

    select * from {{ ref('int_instructional_days_resolved') }}

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

-- What is known of a day beside being enrolled: an event, a suspension or both. A
-- suspension stands over an event that says otherwise.
told_days as (

    select
        coalesce(suspensions.student_key, events.student_key) as student_key,
        coalesce(suspensions.school_key, events.school_key) as school_key,
        coalesce(suspensions.suspension_date, events.event_date) as told_date,
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

told_exceptions as (

    select
        stays.student_key,
        stays.school_key,
        school_days.school_day_number,
        told_days.absence_kind,
        told_days.told_date as attendance_date,
        told_days.is_absent,
        told_days.is_tardy,
        told_days.is_known

    from told_days

    inner join school_days
        on
            told_days.school_key = school_days.school_key
            and told_days.told_date = school_days.school_day_date

    inner join stays
        on
            told_days.student_key = stays.student_key
            and told_days.school_key = stays.school_key
            and school_days.school_day_number >= stays.first_day_number
            and school_days.school_day_number <= stays.last_day_number

    where
        told_days.is_absent
        or told_days.is_tardy
        or not told_days.is_known

),

-- No event is present where a school reports absences only; elsewhere it is not known.
untold_days as (

    select
        stays.student_key,
        stays.school_key,
        school_days.school_day_number,
        cast(null as text) as absence_kind,
        school_days.school_day_date as attendance_date,
        false as is_absent,
        false as is_tardy,
        false as is_known

    from stays

    inner join schools
        on
            stays.school_key = schools.school_key
            and schools.attendance_mode <> 'negative'

    inner join school_days
        on
            stays.school_key = school_days.school_key
            and stays.first_day_number <= school_days.school_day_number
            and stays.last_day_number >= school_days.school_day_number

    left join told_days
        on
            stays.student_key = told_days.student_key
            and stays.school_key = told_days.school_key
            and school_days.school_day_date = told_days.told_date

    where told_days.student_key is null

),

final as (

    select * from told_exceptions
    union all
    select * from untold_days

)

select * from final
