with

source as (

    select * from {{ source('raw', 'providers__services') }}

),

final as (

    select
        id as service_id,
        organization_id,
        name as service_name,
        status as service_status,
        url as service_url,
        wait_time,
        minimum_age,
        maximum_age,
        assured_date

    from source

    where _deleted_at is null

)

select * from final
