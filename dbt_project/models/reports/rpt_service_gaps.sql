with

asked_needs as (

    select * from {{ ref('int_needs_asked') }}

),

schools as (

    select * from {{ ref('dim_schools') }}

),

referred_needs as (

    select * from {{ ref('int_needs_referred') }}

),

need_services as (

    select * from {{ ref('need_services') }}

),

service_categories as (

    select * from {{ ref('service_categories') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

-- A need is counted in the category that is tried first for it.
counted_needs as (

    select
        asked_needs.school_key,
        asked_needs.postal_code,
        need_services.service_category,
        asked_needs.student_key,
        asked_needs.is_asking
        and referred_needs.service_count = 0 as is_without_service,
        asked_needs.is_asking
        and referred_needs.service_count > 0
        and not referred_needs.has_place as is_without_place,
        not asked_needs.is_asking as is_referred

    from asked_needs

    inner join referred_needs
        on asked_needs.need_id = referred_needs.need_id

    inner join need_services
        on
            asked_needs.rule_id = need_services.rule_id
            and need_services.preference = 1

),

final as (

    select
        schools.school_key,
        schools.school_source_id,
        counted_needs.service_category,
        cast(count(*) as integer) as need_count,
        cast(count(distinct counted_needs.student_key) as integer) as student_count,
        cast(count(*) filter (where counted_needs.is_referred) as integer)
            as referred_count,
        cast(count(*) filter (where counted_needs.is_without_service) as integer)
            as without_service_count,
        cast(count(*) filter (where counted_needs.is_without_place) as integer)
            as without_place_count,
        max(service_categories.category_label) as category_label,
        max(counted_needs.postal_code) as postal_code,
        max(run_dates.as_of_date) as as_of_date

    from counted_needs

    inner join schools
        on counted_needs.school_key = schools.school_key

    inner join service_categories
        on counted_needs.service_category = service_categories.service_category

    cross join run_dates

    group by
        schools.school_key,
        schools.school_source_id,
        counted_needs.service_category

)

select * from final
