with

spells as (

    select * from {{ ref('int_enrollment_spells_united') }}

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
        spells.student_key,
        students.student_source_id,
        spells.school_key,
        schools.school_source_id,
        students.given_name,
        students.family_name,
        students.home_language,
        students.grade_level,
        students.grade_order,
        students.age_years,
        students.is_counted_in_rates,
        students.is_in_question,
        students.later_key,
        run_dates.as_of_date

    from spells

    inner join run_dates
        on
            spells.from_date <= run_dates.as_of_date
            and spells.to_date > run_dates.as_of_date

    inner join students
        on spells.student_key = students.student_key

    inner join schools
        on spells.school_key = schools.school_key

)

select * from final
