with

settled_days as (

    select * from {{ ref('int_calendar_days_settled') }}

),

event_sums as (

    select * from {{ ref('int_attendance_events_summed') }}

),

schools as (

    select * from {{ ref('int_schools_identified') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

calendar_days as (

    select
        settled_days.school_key,
        settled_days.calendar_date as school_day_date,
        settled_days.is_instructional

    from settled_days

    inner join run_dates
        on
            settled_days.calendar_date >= run_dates.year_start_date
            and settled_days.calendar_date < run_dates.year_end_date

),

-- Distinct, because a school sends several kinds of event of one day.
event_days as (

    select distinct
        schools.school_key,
        event_sums.event_date as school_day_date

    from event_sums

    inner join schools
        on event_sums.school_source_id = schools.school_source_id

    inner join run_dates
        on
            event_sums.event_date >= run_dates.year_start_date
            and event_sums.event_date < run_dates.year_end_date
            and event_sums.event_date <= run_dates.as_of_date

),

-- Distinct, because a school has many days.
calendar_schools as (

    select distinct school_key from calendar_days

),

-- A school without a calendar had school on the days it sent events for.
school_days as (

    select
        school_key,
        school_day_date,
        true as has_calendar

    from calendar_days

    where is_instructional

    union all

    select
        event_days.school_key,
        event_days.school_day_date,
        false as has_calendar

    from event_days

    left join calendar_schools
        on event_days.school_key = calendar_schools.school_key

    where calendar_schools.school_key is null

),

-- An event on a Sunday says nothing about the Friday before it.
last_submitted_days as (

    select
        school_days.school_key,
        max(school_days.school_day_date) as last_submitted_date

    from school_days

    inner join event_days
        on
            school_days.school_key = event_days.school_key
            and school_days.school_day_date = event_days.school_day_date

    group by school_days.school_key

),

final as (

    select
        school_days.school_key,
        school_days.has_calendar,
        school_days.school_day_date,
        last_submitted_days.last_submitted_date,
        cast(
            row_number() over (
                partition by school_days.school_key
                order by school_days.school_day_date
            ) as integer
        ) as school_day_number,
        coalesce(
            school_days.school_day_date <= last_submitted_days.last_submitted_date,
            false
        ) as is_submitted

    from school_days

    left join last_submitted_days
        on school_days.school_key = last_submitted_days.school_key

)

select * from final
