with

services as (

    select * from {{ ref('dim_services') }}

),

capacities as (

    select * from {{ ref('int_service_capacity_counted') }}

),

limits as (

    select * from {{ ref('int_service_limits_gathered') }}

),

terms as (

    select * from {{ ref('int_service_terms_offered') }}

),

service_marks as (

    select * from {{ ref('service_marks') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

-- Distinct, because a service and its provider may both be marked.
marked_services as (

    select distinct services.service_id

    from services

    inner join service_marks
        on
            services.service_id = service_marks.service_id
            or (
                service_marks.service_id is null
                and services.organization_id = service_marks.organization_id
            )

    inner join run_dates
        on
            coalesce(service_marks.from_date <= run_dates.as_of_date, true)
            and coalesce(service_marks.until_date >= run_dates.as_of_date, true)

    where service_marks.mark = 'do_not_refer'

),

-- One bit for each criterion of the service alone that it fails: see fit_criteria.
final as (

    select
        services.service_id,
        capacities.service_number,
        services.need_codes,
        limits.grade_ranges,
        limits.school_source_ids,
        limits.postal_codes,
        limits.languages,
        limits.access_codes,
        services.minimum_age,
        services.maximum_age,
        capacities.place_count,
        cast(services.organization_name is null as integer) * 1
        + cast(services.service_status <> 'active' as integer) * 2
        + cast(
            limits.is_marked or marked_services.service_id is not null as integer
        ) * 4
        + cast(not services.is_assured as integer) * 8
        + cast(services.capacity_state = 'full' as integer) * 1024
        + cast(not coalesce(terms.is_free, true) as integer) * 8192
        + cast(terms.has_ended as integer) * 65536
            as failed_bits,
        coalesce(terms.is_during_lessons, false) as is_during_lessons

    from services

    inner join capacities
        on services.service_id = capacities.service_id

    inner join limits
        on services.service_id = limits.service_id

    inner join terms
        on services.service_id = terms.service_id

    left join marked_services
        on services.service_id = marked_services.service_id

)

select * from final
