with

source as (

    select * from {{ source('raw', 'roster__classes') }}

),

final as (

    select
        sourced_id as class_source_id,
        school_sourced_id as school_source_id,
        term_sourced_ids as term_source_ids,
        title as class_title,
        class_type

    from source

    where _deleted_at is null

)

select * from final
