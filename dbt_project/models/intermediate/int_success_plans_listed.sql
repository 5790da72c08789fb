with

plans as (

    select * from {{ ref('stg_plans__plans') }}

),

students as (

    select * from {{ ref('int_students_identified') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

final as (

    select
        students.student_key,
        plans.plan_id,
        nullif(plans.caring_adult_staff_id, '') as caring_adult_staff_id,
        coalesce(cardinality(plans.parts_done), 0) as part_count

    from plans

    inner join run_dates
        on plans.plan_year = run_dates.school_year

    inner join students
        on plans.student_source_id = students.student_source_id

)

select * from final
