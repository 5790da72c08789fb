with

schedules as (

    select * from {{ ref('stg_providers__schedules') }}

),

services_at_locations as (

    select * from {{ ref('stg_providers__service_at_location') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

-- Directories tell hours of the service, or of the service at each of its places.
final as (

    select
        schedules.schedule_id,
        schedules.week_days,
        schedules.opens_at_time,
        schedules.closes_at_time,
        schedules.schedule_text,
        coalesce(
            schedules.service_id, services_at_locations.service_id
        ) as service_id,
        coalesce(schedules.to_date < run_dates.as_of_date, false) as has_ended

    from schedules

    cross join run_dates

    left join services_at_locations
        on
            schedules.service_at_location_id
            = services_at_locations.service_at_location_id

    where
        schedules.service_id is not null
        or services_at_locations.service_id is not null

)

select * from final
