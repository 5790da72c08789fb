with

line_items as (

    select * from {{ ref('int_line_items_counted') }}

),

results as (

    select * from {{ ref('stg_grades__results') }}

),

mark_scales as (

    select * from {{ ref('mark_scales') }}

),

settings as (

    select * from {{ ref('int_settings_pivoted') }}

),

highest_scores as (

    select
        line_item_source_id,
        max(score) as highest_score

    from results

    where score_status_code = 'fully graded'

    group by line_item_source_id

),

-- A quiz of four points is no scale: there the class has other maxima too.
classes as (

    select
        line_items.class_source_id,
        max(line_items.score_maximum) as score_maximum,
        max(highest_scores.highest_score) as highest_score

    from line_items

    left join highest_scores
        on line_items.line_item_source_id = highest_scores.line_item_source_id

    group by line_items.class_source_id

    having min(line_items.score_maximum) = max(line_items.score_maximum)

),

usual_scale as (

    select min(score_maximum) as score_maximum

    from mark_scales

    where is_usual

),

-- Ed-Fi tells no maximum, so a hundred is taken: where nobody has more than the scales
-- have, the marks are levels, and not four points of a hundred.
classes_by_scale as (

    select
        classes.class_source_id,
        mark_scales.score_maximum,
        mark_scales.low_below,
        mark_scales.meets_from,
        row_number() over (
            partition by classes.class_source_id
            order by mark_scales.score_maximum asc
        ) as scale_place

    from classes

    cross join settings

    cross join usual_scale

    inner join mark_scales
        on
            classes.score_maximum = mark_scales.score_maximum
            or (
                classes.score_maximum = settings.untold_score_maximum
                and classes.highest_score <= mark_scales.score_maximum
                and usual_scale.score_maximum <= mark_scales.score_maximum
            )

),

final as (

    select
        class_source_id,
        score_maximum,
        low_below,
        meets_from

    from classes_by_scale

    where scale_place = 1

)

select * from final
