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

-- Found among the sums: of each school day once, not of each child.
silent_sums as (

    select
        event_sums.school_source_id,
        event_sums.sent_code,
        event_sums.event_date

    from event_sums

    inner join judged_codes
        on
            lower(event_sums.attendance_code) = lower(judged_codes.attendance_code)
            and judged_codes.is_silent

    inner join quiet_schools
        on event_sums.school_source_id = quiet_schools.school_source_id

    inner join school_days
        on
            quiet_schools.school_key = school_days.school_key
            and event_sums.event_date = school_days.school_day_date

),

stays as (

    select
        students.student_source_id,
        schools.school_source_id,
        spells.from_date,
        spells.to_date

    from spells

    inner join students
        on spells.student_key = students.student_key

    inner join schools
        on spells.school_key = schools.school_key

),

-- The first and the last day as values, not a join: pages with other days are not read.
-- The last is subtracted: what stands between two days not known yet is planned as few
-- rows, and a whole year's would be looked up one by one.
year_events as (

    select * from attendance_events
    where
        event_date >= (select run_dates.year_start_date from run_dates)
        and event_date - (select run_dates.as_of_date from run_dates) <= 0

),

-- The stays of a student at a school do not overlap: no event is met twice.
final as (

    select
        year_events.student_source_id,
        year_events.school_source_id,
        year_events.sent_code,
        year_events.event_duration_share,
        year_events.event_date,
        year_events.is_state_excused

    from year_events

    left join silent_sums
        on
            year_events.school_source_id = silent_sums.school_source_id
            and year_events.sent_code = silent_sums.sent_code
            and year_events.event_date = silent_sums.event_date
            and year_events.event_duration_share is null

    left join stays
        on
            year_events.student_source_id = stays.student_source_id
            and year_events.school_source_id = stays.school_source_id
            and year_events.event_date >= stays.from_date
            and year_events.event_date < stays.to_date

    where
        silent_sums.school_source_id is null
        or stays.student_source_id is null

)

select * from final
