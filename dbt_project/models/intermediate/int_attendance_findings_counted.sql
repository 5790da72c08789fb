with

attendance_events as (

    select * from {{ ref('stg_attendance__events') }}

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

-- Summed by day and code before the joins: events are many, days and codes are few.
event_sums as (

    select
        attendance_events.school_source_id,
        attendance_events.attendance_code,
        attendance_events.event_date,
        count(*) as event_count

    from attendance_events

    inner join run_dates
        on
            attendance_events.event_date >= run_dates.year_start_date
            and attendance_events.event_date <= run_dates.as_of_date

    group by
        attendance_events.school_source_id,
        attendance_events.attendance_code,
        attendance_events.event_date

),

final as (

    select
        schools.school_key,
        coalesce(
            sum(event_sums.event_count) filter (where school_days.school_key is null), 0
        ) as events_off_calendar,
        coalesce(
            sum(event_sums.event_count)
            filter (where attendance_codes.attendance_code is null),
            0
        ) as unmapped_codes

    from event_sums

    inner join schools
        on event_sums.school_source_id = schools.school_source_id

    left join school_days
        on
            schools.school_key = school_days.school_key
            and event_sums.event_date = school_days.school_day_date

    left join attendance_codes
        on lower(event_sums.attendance_code) = lower(attendance_codes.attendance_code)

    group by schools.school_key

)

select * from final
