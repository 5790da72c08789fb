with

course_marks as (

    select * from {{ ref('int_course_marks_averaged') }}

),

periods as (

    select
        student_key,
        session_source_id,
        session_start_date,
        100 * sum(points_earned) / sum(points_possible) as average_points

    from course_marks

    where session_start_date is not null

    group by
        student_key,
        session_source_id,
        session_start_date

),

ordered_periods as (

    select
        student_key,
        average_points,
        lag(average_points) over (
            partition by student_key
            order by session_start_date asc, session_source_id collate "C" asc
        ) as average_points_before,
        row_number() over (
            partition by student_key
            order by session_start_date desc, session_source_id collate "C" desc
        ) as period_place

    from periods

),

-- The last grading period of each student, beside the one before it.
final as (

    select
        student_key,
        average_points,
        average_points_before,
        average_points - average_points_before as changed_points

    from ordered_periods

    where
        period_place = 1
        and average_points_before is not null

)

select * from final
