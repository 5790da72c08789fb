with

source as (

    select * from {{ source('raw', 'roster__contact_associations') }}

),

final as (

    select
        _student_source_id as student_source_id,
        contact_sourced_id as agent_source_id

    from source

    where _deleted_at is null

)

select * from final
