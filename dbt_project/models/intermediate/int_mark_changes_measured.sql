with

mark_totals as (

    select * from {{ ref('int_marks_totalled') }}

),

academic_sessions as (

    select * from {{ ref('stg_roster__academic_sessions') }}

),

periods as (

    select
        mark_totals.student_key,
        mark_totals.session_source_id,
        academic_sessions.start_date as session_start_date,
        100 * mark_totals.points_earned / mark_totals.points_possible as average_points

    from mark_totals

    inner join academic_sessions
        on mark_totals.session_source_id = academic_sessions.session_source_id

    where
        academic_sessions.start_date is not null
        and not mark_totals.is_of_class
        and not mark_totals.is_in_levels

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
