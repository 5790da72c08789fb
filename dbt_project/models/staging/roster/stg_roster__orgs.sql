with

source as (

    select * from {{ source('raw', 'roster__orgs') }}

),

final as (

    select
        sourced_id as org_source_id,
        name as org_name,
        type as org_type,
        _held as is_held

    from source

    where _deleted_at is null

)

select * from final
