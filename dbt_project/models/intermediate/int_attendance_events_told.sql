with

attendance_events as (

    select * from {{ ref('stg_attendance__events') }}

),

event_sums as (

    select * from {{ ref('int_attendance_events_summed') }}

),

section_days as (

    select * from {{ ref('int_section_days_summed') }}

),

attendance_codes as (

    select * from {{ ref('attendance_codes') }}

),

spells as (

    select * from {{ ref('int_enrollment_spells_united') }}

),

school_days as (

    select * from {{ ref('int_instructional_days_resolved') }}

),

students as (

    select * from {{ ref('int_students_identified') }}

),

schools as (

    select * from {{ ref('int_schools_identified') }}

),

settings as (

    select * from {{ ref('int_settings_pivoted') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

read_codes as (

    select
        attendance_codes.attendance_code,
        attendance_codes.precedence,
        attendance_codes.outcome not in ('unknown', 'tardy')
        and {{ is_present("1 - attendance_codes.missed_without_duration", "settings") }}
            as is_attended

    from attendance_codes

    cross join settings

),

-- Only a code that stands behind all others: an earlier one corrects what else is sent.
judged_codes as (

    select
        attendance_code,
        rank() over (order by precedence desc) = 1
        and bool_and(is_attended) over (partition by precedence) as is_silent

    from read_codes

),

-- Distinct, because a code is sent with many events.
silent_codes as materialized (

    select distinct event_sums.attendance_code

    from event_sums

    inner join judged_codes
        on lower(event_sums.attendance_code) = lower(judged_codes.attendance_code)

    where judged_codes.is_silent

),

-- What a school says of a day stands over what its sections say: there all is heard.
quiet_schools as (

    select
        school_key,
        school_source_id

    from schools

    where
        attendance_mode = 'negative'
        and school_key not in (select section_days.school_key from section_days)

),

quiet_stays as (

    select
        students.student_source_id,
        quiet_schools.school_source_id,
        spells.from_date,
        spells.to_date

    from spells

    inner join students
        on spells.student_key = students.student_key

    inner join quiet_schools
        on spells.school_key = quiet_schools.school_key

),

quiet_days as (

    select
        quiet_schools.school_source_id,
        school_days.school_day_date

    from school_days

    inner join quiet_schools
        on school_days.school_key = quiet_schools.school_key

),

-- The stays of a student at a school do not overlap: no event is met twice.
final as (

    select
        attendance_events.student_source_id,
        attendance_events.school_source_id,
        attendance_events.attendance_code,
        attendance_events.event_duration_share,
        attendance_events.event_date,
        attendance_events.is_state_excused

    from attendance_events

    inner join run_dates
        on
            attendance_events.event_date >= run_dates.year_start_date
            and attendance_events.event_date <= run_dates.as_of_date

    left join silent_codes
        on
            attendance_events.attendance_code = silent_codes.attendance_code
            and attendance_events.event_duration_share is null

    left join quiet_stays
        on
            attendance_events.student_source_id = quiet_stays.student_source_id
            and attendance_events.school_source_id = quiet_stays.school_source_id
            and attendance_events.event_date >= quiet_stays.from_date
            and attendance_events.event_date < quiet_stays.to_date

    left join quiet_days
        on
            attendance_events.school_source_id = quiet_days.school_source_id
            and attendance_events.event_date = quiet_days.school_day_date

    where
        silent_codes.attendance_code is null
        or quiet_stays.student_source_id is null
        or quiet_days.school_source_id is null

)

select * from final
