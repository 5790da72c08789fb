with

source as (

    select * from {{ source('raw', 'providers__languages') }}

),

final as (

    select
        id as language_id,
        service_id,
        lower(name) as language_name,
        lower(code) as language_code

    from source

    where _deleted_at is null

)

select * from final
