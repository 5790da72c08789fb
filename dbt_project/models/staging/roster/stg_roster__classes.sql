with

source as (

    select * from {{ source('raw', 'roster__classes') }}

),

final as (

    select
        sourced_id as class_source_id,
        school_sourced_id as school_source_id,
        term_sourced_ids as term_source_ids,
        class_type,
        coalesce(title, class_code, sourced_id) as class_title

    from source

    where _deleted_at is null

)

select * from final
