with

event_sums as (

    select * from {{ ref('int_attendance_events_summed') }}

),

attendance_codes as (

    select * from {{ ref('attendance_codes') }}

),

schools as (

    select * from {{ ref('int_schools_identified') }}

),

school_days as (

    select * from {{ ref('int_instructional_days_resolved') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

decided_events as (

    select * from {{ ref('int_attendance_events_decided') }}

),

spells as (

    select * from {{ ref('int_enrollment_spells_united') }}

),

section_days as (

    select * from {{ ref('int_section_days_summed') }}

),

set_aside as (

    select * from {{ ref('stg_ops__attendance_set_aside') }}

),

-- What came before the school year speaks of days before it.
set_aside_counts as (

    select
        schools.school_key,
        sum(set_aside.row_count) as row_count

    from set_aside

    inner join run_dates
        on set_aside.received_at >= run_dates.year_start_date

    inner join schools
        on set_aside.school_source_id = schools.school_source_id

    group by schools.school_key

),

not_enrolled_days as (

    select
        decided_events.school_key,
        count(*) as day_count

    from decided_events

    inner join school_days
        on
            decided_events.school_key = school_days.school_key
            and decided_events.event_date = school_days.school_day_date

    left join spells
        on
            decided_events.student_key = spells.student_key
            and decided_events.school_key = spells.school_key
            and decided_events.event_date >= spells.from_date
            and decided_events.event_date < spells.to_date

    where spells.student_key is null

    group by decided_events.school_key

),

event_counts as (

    select
        schools.school_key,
        sum(event_sums.event_count) filter (
            where school_days.school_key is null
            and event_sums.event_date <= run_dates.as_of_date
        ) as events_off_calendar,
        sum(event_sums.event_count) filter (
            where attendance_codes.attendance_code is null
            and event_sums.event_date <= run_dates.as_of_date
        ) as unmapped_codes,
        sum(event_sums.event_count) filter (
            where event_sums.event_date > run_dates.as_of_date
        ) as events_ahead,
        sum(event_sums.event_count) as rows_read

    from event_sums

    inner join run_dates
        on event_sums.event_date >= run_dates.year_start_date

    inner join schools
        on event_sums.school_source_id = schools.school_source_id

    left join school_days
        on
            schools.school_key = school_days.school_key
            and event_sums.event_date = school_days.school_day_date

    left join attendance_codes
        on lower(event_sums.attendance_code) = lower(attendance_codes.attendance_code)

    group by schools.school_key

),

section_counts as (

    select
        section_days.school_key,
        count(*) as day_count,
        count(*) filter (where not section_days.is_measured) as unmeasured_count

    from section_days

    inner join run_dates
        on section_days.event_date >= run_dates.year_start_date

    group by section_days.school_key

),

final as (

    select
        coalesce(event_counts.school_key, set_aside_counts.school_key) as school_key,
        coalesce(event_counts.events_off_calendar, 0) as events_off_calendar,
        coalesce(event_counts.unmapped_codes, 0) as unmapped_codes,
        coalesce(event_counts.events_ahead, 0) as events_ahead,
        coalesce(not_enrolled_days.day_count, 0) as days_not_enrolled,
        coalesce(event_counts.rows_read, 0) as rows_read,
        coalesce(set_aside_counts.row_count, 0) as rows_set_aside,
        coalesce(section_counts.day_count, 0) as section_days,
        coalesce(section_counts.unmeasured_count, 0) as section_days_unmeasured

    from event_counts

    full join set_aside_counts
        on event_counts.school_key = set_aside_counts.school_key

    left join not_enrolled_days
        on event_counts.school_key = not_enrolled_days.school_key

    left join section_counts
        on event_counts.school_key = section_counts.school_key

)

select * from final
