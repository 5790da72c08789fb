with

line_items as (

    select * from {{ ref('stg_grades__line_items') }}

),

uncounted_marks as (

    select * from {{ ref('uncounted_marks') }}

),

final as (

    select
        line_items.line_item_source_id,
        line_items.class_source_id,
        line_items.session_source_id,
        line_items.score_maximum

    from line_items

    left join uncounted_marks
        on line_items.line_item_title = uncounted_marks.mark_title

    where
        uncounted_marks.mark_title is null
        and line_items.score_maximum > 0

)

select * from final
