with

section_events as (

    select * from {{ ref('stg_attendance__section_events') }}

),

attendance_codes as (

    select * from {{ ref('attendance_codes') }}

),

scheduled_days as (

    select * from {{ ref('int_section_days_scheduled') }}

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

unmapped_codes as (

    select * from attendance_codes
    where outcome = 'unknown'

),

measured_events as (

    select
        section_events.student_source_id,
        section_events.school_source_id,
        section_events.section_id,
        section_events.class_period_name,
        section_events.event_date,
        section_events.attendance_code,
        section_events.is_state_excused,
        coalesce(codes.outcome, unmapped_codes.outcome) as outcome,
        coalesce(codes.absence_kind, unmapped_codes.absence_kind) as absence_kind,
        coalesce(codes.precedence, unmapped_codes.precedence) as precedence,
        coalesce(
            {{ missed_share('section_events.event_duration_share', 'codes') }}, 0
        ) as missed_share

    from section_events

    cross join unmapped_codes

    left join attendance_codes as codes
        on lower(section_events.attendance_code) = lower(codes.attendance_code)

),

-- One answer for a period, in the order of the seed, as for a day.
decided_periods as (

    select distinct on (
        student_source_id, school_source_id, event_date, section_id, class_period_name
    )
        student_source_id,
        school_source_id,
        event_date,
        outcome,
        absence_kind,
        missed_share,
        is_state_excused

    from measured_events

    order by
        student_source_id asc,
        school_source_id asc,
        event_date asc,
        section_id asc,
        class_period_name asc,
        precedence asc,
        missed_share desc,
        is_state_excused desc,
        attendance_code collate "C" asc

),

sums as (

    select
        student_source_id,
        school_source_id,
        event_date,
        count(*) as period_count,
        sum(missed_share) as periods_missed,
        coalesce(sum(missed_share) filter (where absence_kind = 'excused'), 0)
            as periods_excused,
        coalesce(sum(missed_share) filter (where is_state_excused), 0)
            as periods_state_excused,
        bool_or(outcome = 'tardy') as has_tardy,
        bool_or(outcome = 'unknown') as has_unknown

    from decided_periods

    group by
        student_source_id,
        school_source_id,
        event_date

),

-- A day has the periods that were sent, or those of the schedule where these are more:
-- a school that sends absences only has sent a part of them.
days as (

    select
        students.student_key,
        schools.school_key,
        sums.periods_missed,
        sums.event_date,
        sums.has_tardy,
        sums.has_unknown,
        greatest(
            sums.period_count,
            settings.section_periods_per_day,
            scheduled_days.period_count
        ) as period_count,
        num_nonnulls(settings.section_periods_per_day, scheduled_days.period_count) > 0
        or sums.period_count > sums.periods_missed as is_measured,
        sums.periods_excused * 2 >= sums.periods_missed as is_excused,
        sums.periods_missed > 0
        and sums.periods_state_excused * 2 >= sums.periods_missed as is_state_excused

    from sums

    cross join settings

    inner join students
        on sums.student_source_id = students.student_source_id

    inner join schools
        on sums.school_source_id = schools.school_source_id

    left join scheduled_days
        on
            sums.student_source_id = scheduled_days.student_source_id
            and sums.school_source_id = scheduled_days.school_source_id
            and sums.event_date = scheduled_days.event_date
            and settings.section_periods_per_day is null

),

final as (

    select
        days.student_key,
        days.school_key,
        days.period_count,
        days.periods_missed,
        days.event_date,
        days.has_tardy,
        days.is_state_excused,
        days.is_measured,
        case when days.is_excused then 'excused' else 'unexcused' end as absence_kind,
        -- A period that nobody can read leaves a day open that is not absent anyway.
        not days.has_unknown
        or not {{
            is_present("1 - days.periods_missed / days.period_count", "settings")
        }} as is_known

    from days

    cross join settings

)

select * from final
