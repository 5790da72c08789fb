with

source as (

    select * from {{ source('raw', 'providers__service_areas') }}

),

final as (

    select
        id as service_area_id,
        service_id,
        name as area_name,
        extent as area_extent,
        lower(extent_type) as extent_type

    from source

    where _deleted_at is null

)

select * from final
