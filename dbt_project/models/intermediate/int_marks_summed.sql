with

course_marks as (

    select * from {{ ref('int_course_marks_averaged') }}

),

settings as (

    select * from {{ ref('int_settings_pivoted') }}

),

courses as (

    select
        student_key,
        class_source_id,
        coalesce(class_title, 'a course') as class_title,
        sum(points_earned) as points_earned,
        sum(points_possible) as points_possible

    from course_marks

    group by
        student_key,
        class_source_id,
        class_title

),

judged_courses as (

    select
        courses.student_key,
        courses.class_source_id,
        courses.class_title,
        courses.points_earned,
        courses.points_possible,
        courses.points_earned * settings.passing_denominator
        < settings.passing_numerator * courses.points_possible as is_failing

    from courses

    cross join settings

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
