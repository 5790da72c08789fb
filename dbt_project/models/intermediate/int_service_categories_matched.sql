with

attributes as (

    select * from {{ ref('stg_providers__attributes') }}

),

taxonomy_terms as (

    select * from {{ ref('stg_providers__taxonomy_terms') }}

),

service_terms as (

    select * from {{ ref('service_terms') }}

),

other_taxonomies as (

    select * from {{ ref('other_taxonomies') }}

),

-- Distinct, because several terms may put a service into one category.
final as (

    select distinct
        attributes.linked_id as service_id,
        service_terms.service_category

    from attributes

    inner join taxonomy_terms
        on attributes.taxonomy_term_id = taxonomy_terms.taxonomy_term_id

    inner join service_terms
        on
            lower(taxonomy_terms.term_code) = service_terms.term
            or lower(taxonomy_terms.term_name) = service_terms.term

    left join other_taxonomies
        on lower(taxonomy_terms.taxonomy) = other_taxonomies.taxonomy

    where
        lower(attributes.linked_entity) in ('service', 'services')
        and other_taxonomies.taxonomy is null

)

select * from final
