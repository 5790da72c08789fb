with

services as (

    select * from {{ ref('stg_providers__services') }}

),

organizations as (

    select * from {{ ref('stg_providers__organizations') }}

),

service_capacity as (

    select * from {{ ref('stg_providers__service_capacity') }}

),

schedules as (

    select * from {{ ref('int_service_schedules_joined') }}

),

categories as (

    select * from {{ ref('int_service_categories_matched') }}

),

service_needs as (

    select * from {{ ref('int_service_needs_matched') }}

),

settings as (

    select * from {{ ref('int_settings_pivoted') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

capacities as (

    select
        service_id,
        cast(sum(available_count) as integer) as free_place_count

    from service_capacity

    group by service_id

),

category_lists as (

    select
        service_id,
        array_agg(service_category order by service_category collate "C")
            as service_categories

    from categories

    group by service_id

),

final as (

    select
        services.service_id,
        services.organization_id,
        services.service_name,
        organizations.organization_name,
        schedules.schedule_text,
        services.service_status,
        capacities.free_place_count,
        services.minimum_age,
        services.maximum_age,
        services.assured_date,
        coalesce(category_lists.service_categories, cast('{}' as text[]))
            as service_categories,
        coalesce(service_needs.need_codes, cast('{}' as text[])) as need_codes,
        case
            when capacities.free_place_count is null then 'unknown'
            when capacities.free_place_count > 0 then 'free'
            when nullif(services.wait_time, '') is not null then 'waitlist'
            else 'full'
        end as capacity_state,
        coalesce(
            services.assured_date
            >= run_dates.as_of_date - settings.service_stale_after_days,
            true
        ) as is_assured

    from services

    cross join settings

    cross join run_dates

    left join organizations
        on services.organization_id = organizations.organization_id

    left join capacities
        on services.service_id = capacities.service_id

    left join schedules
        on services.service_id = schedules.service_id

    left join category_lists
        on services.service_id = category_lists.service_id

    left join service_needs
        on services.service_id = service_needs.service_id

)

select * from final
