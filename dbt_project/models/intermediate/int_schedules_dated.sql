with

schedules as (

    select * from {{ ref('stg_providers__schedules') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

final as (

    select
        schedules.schedule_id,
        schedules.service_id,
        schedules.week_days,
        schedules.opens_at_time,
        schedules.closes_at_time,
        schedules.schedule_text,
        coalesce(schedules.to_date < run_dates.as_of_date, false) as has_ended

    from schedules

    cross join run_dates

    where schedules.service_id is not null

)

select * from final
