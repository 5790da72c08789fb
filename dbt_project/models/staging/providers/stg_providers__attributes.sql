with

source as (

    select * from {{ source('raw', 'providers__attributes') }}

),

final as (

    select
        id as attribute_id,
        link_id as linked_id,
        taxonomy_term_id,
        link_entity as linked_entity

    from source

    where _deleted_at is null

)

select * from final
