with

actions as (

    select * from {{ ref('stg_discipline__actions') }}

),

discipline_codes as (

    select * from {{ ref('discipline_codes') }}

),

students as (

    select * from {{ ref('int_students_identified') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

-- Distinct, because an action counts once, whatever number of codes it is sent with.
answers as (

    select distinct
        students.student_key,
        actions.action_id,
        discipline_codes.discipline_kind,
        actions.discipline_date

    from actions

    inner join run_dates
        on
            actions.discipline_date >= run_dates.year_start_date
            and actions.discipline_date <= run_dates.as_of_date

    inner join discipline_codes
        on lower(actions.discipline_code) = lower(discipline_codes.discipline_code)

    inner join students
        on actions.student_source_id = students.student_source_id

),

final as (

    select
        student_key,
        count(*) filter (where discipline_kind = 'iss') as iss_event_count,
        count(*) filter (where discipline_kind = 'restorative') as restorative_count

    from answers

    group by student_key

)

select * from final
