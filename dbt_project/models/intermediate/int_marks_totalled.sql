with

results as (

    select * from {{ ref('stg_grades__results') }}

),

line_items as (

    select * from {{ ref('int_line_items_counted') }}

),

academic_sessions as (

    select * from {{ ref('stg_roster__academic_sessions') }}

),

students as (

    select * from {{ ref('int_students_identified') }}

),

mark_scales as (

    select * from {{ ref('int_mark_scales_matched') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

-- Only finished marks speak: an open or exempt one is not a zero. Levels of a scale and
-- points are never added up. A mark without a day counts from the first day of its
-- session.
final as (

    select
        students.student_key,
        line_items.class_source_id,
        line_items.session_source_id,
        grouping(line_items.session_source_id) = 1 as is_of_class,
        mark_scales.class_source_id is not null as is_in_levels,
        sum(results.score) as points_earned,
        sum(
            coalesce(mark_scales.score_maximum, line_items.score_maximum)
        ) as points_possible

    from results

    inner join line_items
        on results.line_item_source_id = line_items.line_item_source_id

    left join academic_sessions
        on line_items.session_source_id = academic_sessions.session_source_id

    inner join run_dates
        on
            coalesce(results.score_date, academic_sessions.start_date)
            between run_dates.year_start_date and run_dates.as_of_date

    inner join students
        on results.student_source_id = students.student_source_id

    left join mark_scales
        on line_items.class_source_id = mark_scales.class_source_id

    where
        results.score_status_code = 'fully graded'
        and results.score is not null

    group by
        students.student_key,
        mark_scales.class_source_id is not null,
        grouping sets (line_items.class_source_id, line_items.session_source_id)

)

select * from final
