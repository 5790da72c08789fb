with

source as (

    select * from {{ source('raw', 'grades__results') }}

),

final as (

    select
        sourced_id as result_source_id,
        line_item_sourced_id as line_item_source_id,
        student_sourced_id as student_source_id,
        score_status as score_status_code,
        score,
        _held as is_held,
        score_date

    from source

    where
        _deleted_at is null
        and {{ is_told_of_child('student_sourced_id') }}

)

select * from final
