with

attendance_events as (

    select * from {{ ref('int_attendance_events_told') }}

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

-- A code that nobody mapped is neither present nor absent: the day is not known.
-- Made once and on its own: joined into the events, they would be put in order by code.
sent_codes as materialized (

    select
        sent.sent_code,
        attendance_codes.attendance_code,
        attendance_codes.absence_kind,
        attendance_codes.precedence,
        attendance_codes.duration_means,
        attendance_codes.missed_without_duration,
        attendance_codes.outcome <> 'unknown' as is_known,
        attendance_codes.outcome = 'tardy' as is_tardy

    -- Distinct, because a code is sent with many events.
    from (
        select distinct
            sent_code,
            attendance_code
        from event_sums
    ) as sent

    left join attendance_codes as mapped_codes
        on lower(sent.attendance_code) = lower(mapped_codes.attendance_code)

    inner join attendance_codes
        on
            coalesce(mapped_codes.attendance_code, '(unmapped)')
            = attendance_codes.attendance_code

),

-- What a school says of the day stands over what its sections say. Both in one list:
-- millions of days are put in order once.
measured_events as (

    select
        students.student_key,
        schools.school_key,
        sent_codes.attendance_code,
        sent_codes.absence_kind,
        1 as answer_order,
        sent_codes.precedence,
        attendance_events.event_date,
        attendance_events.is_state_excused,
        sent_codes.is_known,
        sent_codes.is_tardy,
        {{ missed_share('attendance_events.event_duration_share', 'sent_codes') }}
            as missed_share

    from attendance_events

    inner join students
        on attendance_events.student_source_id = students.student_source_id

    inner join schools
        on attendance_events.school_source_id = schools.school_source_id

    inner join sent_codes
        on attendance_events.sent_code = sent_codes.sent_code

    union all

    select
        section_days.student_key,
        section_days.school_key,
        '(sections)' as attendance_code,
        section_days.absence_kind,
        2 as answer_order,
        0 as precedence,
        section_days.event_date,
        section_days.is_state_excused,
        section_days.is_known,
        section_days.has_tardy as is_tardy,
        section_days.periods_missed / section_days.period_count as missed_share

    from section_days

    inner join run_dates
        on
            section_days.event_date >= run_dates.year_start_date
            and section_days.event_date <= run_dates.as_of_date

),

-- One answer for a day: tardy or partial corrects an absence, and an attendance does
-- not erase one. Duplicates are one event; of two durations the longer is meant.
answers as (

    select distinct on (student_key, school_key, event_date)
        student_key,
        school_key,
        absence_kind,
        missed_share,
        event_date,
        is_state_excused,
        is_known,
        is_tardy

    from measured_events

    order by
        student_key asc,
        school_key asc,
        event_date asc,
        answer_order asc,
        precedence asc,
        missed_share desc,
        is_state_excused desc,
        attendance_code collate "C" asc

),

judged_events as (

    select
        answers.student_key,
        answers.school_key,
        answers.absence_kind,
        answers.event_date,
        answers.is_known,
        answers.is_tardy,
        answers.is_state_excused and settings.state_excused_is_not_enrolled
            as is_taken_out,
        -- Present is the named share of the day, or more than it, as the preset says.
        answers.is_known
        and not {{ is_present("1 - answers.missed_share", "settings") }} as is_absent

    from answers

    cross join settings

),

-- Where the state takes an absence out of the count, it is no enrolled day.
final as (

    select
        student_key,
        school_key,
        absence_kind,
        event_date,
        is_tardy,
        is_known and not (is_absent and is_taken_out) as is_known,
        is_absent and not is_taken_out as is_absent

    from judged_events

)

select * from final
