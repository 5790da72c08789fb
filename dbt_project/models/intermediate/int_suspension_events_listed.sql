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

schools as (

    select * from {{ ref('int_schools_identified') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

-- Distinct, because an action counts once, whatever number of kinds it is sent with.
final as (

    select distinct on (
        students.student_key, actions.action_id, actions.discipline_date
    )
        students.student_key,
        schools.school_key,
        actions.action_id,
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

    inner join schools
        on actions.school_source_id = schools.school_source_id

    where discipline_codes.discipline_kind in ('oss', 'expulsion')

    order by
        students.student_key asc,
        actions.action_id asc,
        actions.discipline_date asc,
        schools.school_key asc

)

select * from final
