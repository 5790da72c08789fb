with

source as (

    select * from {{ source('raw', 'providers__addresses') }}

),

final as (

    select
        id as address_id,
        location_id,
        address_1 as street_text,
        city as city_name,
        postal_code

    from source

    where _deleted_at is null

)

select * from final
