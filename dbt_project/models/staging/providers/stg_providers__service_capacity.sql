with

source as (

    select * from {{ source('raw', 'providers__service_capacity') }}

),

final as (

    select
        id as service_capacity_id,
        service_id,
        available as available_count,
        maximum as maximum_count,
        cast(updated at time zone 'UTC' as date) as counted_date

    from source

    where _deleted_at is null

)

select * from final
