with

source as (

    select * from {{ source('raw', 'reviews__review_domains') }}

),

final as (

    select
        review_id,
        domain,
        level as concern_level,
        strengths as strength_codes,
        needs as need_codes

    from source

    where _deleted_at is null

)

select * from final
