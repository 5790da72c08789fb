with

source as (

    select * from {{ source('raw', 'roster__roles') }}

),

final as (

    select
        sourced_id as role_source_id,
        user_sourced_id as user_source_id,
        org_sourced_id as org_source_id,
        role as user_role,
        begin_date,
        end_date

    from source

    where _deleted_at is null

)

select * from final
