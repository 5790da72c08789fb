with

source as (

    select * from {{ source('raw', 'providers__service_at_location') }}

),

final as (

    select
        id as service_at_location_id,
        service_id,
        location_id

    from source

    where _deleted_at is null

)

select * from final
