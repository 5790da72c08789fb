with

actions as (

    select * from {{ ref('int_discipline_actions_decided') }}

),

students as (

    select * from {{ ref('int_students_identified') }}

),

schools as (

    select * from {{ ref('int_schools_identified') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

final as (

    select
        students.student_key,
        schools.school_key,
        actions.action_id,
        actions.discipline_date

    from actions

    inner join run_dates
        on
            actions.discipline_date >= run_dates.year_start_date
            and actions.discipline_date <= run_dates.as_of_date

    inner join students
        on actions.student_source_id = students.student_source_id

    inner join schools
        on actions.school_source_id = schools.school_source_id

    where actions.discipline_kind in ('oss', 'expulsion')

)

select * from final
