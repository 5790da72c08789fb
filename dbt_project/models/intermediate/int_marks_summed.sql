with

mark_totals as (

    select * from {{ ref('int_marks_totalled') }}

),

classes as (

    select * from {{ ref('stg_roster__classes') }}

),

settings as (

    select * from {{ ref('int_settings_pivoted') }}

),

judged_courses as (

    select
        mark_totals.student_key,
        mark_totals.class_source_id,
        mark_totals.points_earned,
        mark_totals.points_possible,
        coalesce(classes.class_title, 'a course') as class_title,
        mark_totals.points_earned * settings.passing_denominator
        < settings.passing_numerator * mark_totals.points_possible as is_failing

    from mark_totals

    left join classes
        on mark_totals.class_source_id = classes.class_source_id

    cross join settings

    where
        mark_totals.is_of_class
        and not mark_totals.is_in_levels

),

placed_courses as (

    select
        student_key,
        class_source_id,
        class_title,
        points_earned,
        points_possible,
        is_failing,
        row_number() over (
            partition by student_key
            order by
                points_earned / points_possible desc,
                class_source_id collate "C" asc
        ) as course_place

    from judged_courses

),

final as (

    select
        student_key,
        count(*) as course_count,
        count(*) filter (where is_failing) as failing_course_count,
        sum(points_earned) as points_earned,
        sum(points_possible) as points_possible,
        max(points_earned) filter (where course_place = 1) as best_points_earned,
        max(points_possible) filter (where course_place = 1) as best_points_possible,
        max(class_title) filter (where course_place = 1) as best_class_title,
        string_agg(
            class_title, ', '
            order by class_title collate "C", class_source_id collate "C"
        ) filter (where is_failing) as failing_class_titles

    from placed_courses

    group by student_key

)

select * from final
