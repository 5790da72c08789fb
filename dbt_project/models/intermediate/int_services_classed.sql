with

services as (

    select * from {{ ref('stg_providers__services') }}

),

categories as (

    select * from {{ ref('int_service_categories_matched') }}

),

service_categories as (

    select * from {{ ref('service_categories') }}

),

category_groups as (

    select * from {{ ref('category_groups') }}

),

attributes as (

    select * from {{ ref('stg_providers__attributes') }}

),

taxonomy_terms as (

    select * from {{ ref('stg_providers__taxonomy_terms') }}

),

other_taxonomies as (

    select * from {{ ref('other_taxonomies') }}

),

service_deliverers as (

    select * from {{ ref('service_deliverers') }}

),

-- Distinct, because a service may stand in several categories: the most intensive
-- speaks.
service_groups as (

    select distinct on (categories.service_id)
        categories.service_id,
        service_categories.category_group

    from categories

    inner join service_categories
        on categories.service_category = service_categories.service_category

    inner join category_groups
        on service_categories.category_group = category_groups.category_group

    order by
        categories.service_id asc,
        category_groups.group_order desc

),

-- Distinct likewise: whoever is nearest to the child speaks.
deliverers as (

    select distinct on (attributes.linked_id)
        attributes.linked_id as service_id,
        service_deliverers.delivered_by

    from attributes

    inner join taxonomy_terms
        on attributes.taxonomy_term_id = taxonomy_terms.taxonomy_term_id

    inner join other_taxonomies
        on
            lower(taxonomy_terms.taxonomy) = other_taxonomies.taxonomy
            and other_taxonomies.meaning = 'delivery'

    inner join service_deliverers
        on
            lower(coalesce(taxonomy_terms.term_code, taxonomy_terms.term_name))
            = service_deliverers.delivered_by

    order by
        attributes.linked_id asc,
        service_deliverers.deliverer_order asc

),

final as (

    select
        services.service_id,
        coalesce(service_groups.category_group, 'not_known') as category_group,
        coalesce(deliverers.delivered_by, 'not_known') as delivered_by

    from services

    left join service_groups
        on services.service_id = service_groups.service_id

    left join deliverers
        on services.service_id = deliverers.service_id

)

select * from final
