with

attributes as (

    select * from {{ ref('stg_providers__attributes') }}

),

taxonomy_terms as (

    select * from {{ ref('stg_providers__taxonomy_terms') }}

),

other_taxonomies as (

    select * from {{ ref('other_taxonomies') }}

),

final as (

    select
        attributes.linked_id as service_id,
        array_agg(distinct lower(taxonomy_terms.term_code)) as need_codes

    from attributes

    inner join taxonomy_terms
        on attributes.taxonomy_term_id = taxonomy_terms.taxonomy_term_id

    inner join other_taxonomies
        on lower(taxonomy_terms.taxonomy) = other_taxonomies.taxonomy

    where
        lower(attributes.linked_entity) in ('service', 'services')
        and other_taxonomies.meaning = 'need'
        and taxonomy_terms.term_code is not null

    group by attributes.linked_id

)

select * from final
