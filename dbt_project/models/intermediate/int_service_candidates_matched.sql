with

need_services as (

    select * from {{ ref('need_services') }}

),

categories as (

    select * from {{ ref('int_service_categories_matched') }}

),

-- Distinct, because a service may be in several categories: the first tried is kept.
final as (

    select distinct on (need_services.rule_id, categories.service_id)
        need_services.rule_id,
        categories.service_id,
        need_services.service_category,
        need_services.preference,
        need_services.only_if_named

    from need_services

    inner join categories
        on need_services.service_category = categories.service_category

    order by
        need_services.rule_id asc,
        categories.service_id asc,
        need_services.preference asc

)

select * from final
