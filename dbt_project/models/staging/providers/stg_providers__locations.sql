with

source as (

    select * from {{ source('raw', 'providers__locations') }}

),

final as (

    select
        id as location_id,
        organization_id,
        name as location_name,
        external_identifier as external_id,
        latitude,
        longitude,
        lower(external_identifier_type) as external_id_type

    from source

    where _deleted_at is null

)

select * from final
