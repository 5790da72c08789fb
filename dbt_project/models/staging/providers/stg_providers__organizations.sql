with

source as (

    select * from {{ source('raw', 'providers__organizations') }}

),

final as (

    select
        id as organization_id,
        name as organization_name,
        website as website_text,
        parent_organization_id

    from source

    where _deleted_at is null

)

select * from final
