with

source as (

    select * from {{ source('raw', 'grades__line_items') }}

),

final as (

    select
        sourced_id as line_item_source_id,
        class_sourced_id as class_source_id,
        result_value_min as score_minimum,
        result_value_max as score_maximum,
        lower(trim(regexp_replace(title, '^.*#', ''))) as line_item_title,
        coalesce(
            academic_session_sourced_id, grading_period_sourced_id
        ) as session_source_id

    from source

    where _deleted_at is null

)

select * from final
