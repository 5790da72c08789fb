with

source as (

    select * from {{ source('raw', 'providers__taxonomy_terms') }}

),

final as (

    select
        id as taxonomy_term_id,
        code as term_code,
        name as term_name,
        taxonomy

    from source

    where _deleted_at is null

)

select * from final
