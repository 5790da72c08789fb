with

line_items as (

    select * from {{ ref('stg_grades__line_items') }}

),

mark_scales as (

    select * from {{ ref('mark_scales') }}

),

-- A quiz of four points is no scale: there the class has other maxima too.
class_maxima as (

    select
        class_source_id,
        max(score_maximum) as score_maximum

    from line_items

    where score_maximum > 0

    group by class_source_id

    having min(score_maximum) = max(score_maximum)

),

final as (

    select
        class_maxima.class_source_id,
        mark_scales.score_maximum,
        mark_scales.low_below,
        mark_scales.meets_from

    from class_maxima

    inner join mark_scales
        on class_maxima.score_maximum = mark_scales.score_maximum

)

select * from final
