with

mark_totals as (

    select * from {{ ref('int_marks_totalled') }}

),

mark_scales as (

    select * from {{ ref('int_mark_scales_matched') }}

),

classes as (

    select * from {{ ref('stg_roster__classes') }}

),

-- An average is cut, not rounded: 1.96 is below 2 and must not read as 2.
course_averages as (

    select
        mark_totals.student_key,
        mark_totals.class_source_id,
        concat(
            coalesce(classes.class_title, 'a course'),
            ' (',
            trim_scale(
                trunc(
                    mark_totals.points_earned * mark_scales.score_maximum
                    / mark_totals.points_possible,
                    1
                )
            ),
            ' of ',
            trim_scale(mark_scales.score_maximum),
            ')'
        ) as course_words,
        mark_totals.points_earned * mark_scales.score_maximum
        < mark_scales.low_below * mark_totals.points_possible as is_low,
        mark_totals.points_earned * mark_scales.score_maximum
        >= mark_scales.meets_from * mark_totals.points_possible as meets_standard

    from mark_totals

    inner join mark_scales
        on mark_totals.class_source_id = mark_scales.class_source_id

    left join classes
        on mark_totals.class_source_id = classes.class_source_id

    where mark_totals.is_of_class

),

-- A scale without lines is judged by nobody: its courses are not counted.
final as (

    select
        student_key,
        nullif(count(is_low), 0) as judged_low_count,
        nullif(count(meets_standard), 0) as judged_met_count,
        count(*) filter (where is_low) as low_course_count,
        count(*) filter (where meets_standard) as met_course_count,
        string_agg(
            course_words, ', '
            order by course_words collate "C", class_source_id collate "C"
        ) filter (where is_low) as low_courses,
        string_agg(
            course_words, ', '
            order by course_words collate "C", class_source_id collate "C"
        ) filter (where meets_standard) as met_courses

    from course_averages

    group by student_key

)

select * from final
