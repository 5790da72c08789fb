with

actions as (

    select * from {{ ref('int_discipline_actions_decided') }}

),

students as (

    select * from {{ ref('int_students_identified') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

answers as (

    select
        students.student_key,
        actions.discipline_kind,
        actions.is_restorative

    from actions

    inner join run_dates
        on
            actions.discipline_date >= run_dates.year_start_date
            and actions.discipline_date <= run_dates.as_of_date

    inner join students
        on actions.student_source_id = students.student_source_id

),

final as (

    select
        student_key,
        count(*) filter (where discipline_kind = 'iss') as iss_event_count,
        count(*) filter (where is_restorative) as restorative_count

    from answers

    group by student_key

)

select * from final
