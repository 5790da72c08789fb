with

placed_students as (

    select * from {{ ref('int_students_placed') }}

),

assessments as (

    select * from {{ ref('int_assessments_latest') }}

),

success_plans as (

    select * from {{ ref('fct_success_plans') }}

),

course_attempts as (

    select * from {{ ref('int_course_attempts_judged') }}

),

settings as (

    select * from {{ ref('int_settings_pivoted') }}

),

reading_facts as (

    select
        placed_students.student_key,
        placed_students.school_key,
        assessments.administered_date as metric_date,
        cast(
            assessments.level_rank >= settings.proficient_level_rank as integer
        ) as numerator

    from placed_students

    inner join assessments
        on
            placed_students.student_key = assessments.student_key
            and assessments.assessment_area = 'reading'

    cross join settings

    where placed_students.grade_level = '03'

),

plan_facts as (

    select
        student_key,
        school_key,
        as_of_date as metric_date,
        cast(has_plan and has_caring_adult_at_school as integer) as numerator

    from success_plans

    where is_known

),

-- Who is one grade further has completed it; a pass before counts. Who has no
-- transcript is not known.
algebra_facts as (

    select
        placed_students.student_key,
        placed_students.school_key,
        placed_students.as_of_date as metric_date,
        cast(
            coalesce(
                bool_or(course_attempts.grade_points >= settings.algebra_1_points)
                filter (
                    where course_attempts.milestone = 'algebra_1'
                    and course_attempts.grade_order <= settings.algebra_1_by_grade
                ),
                false
            ) as integer
        ) as numerator

    from placed_students

    inner join course_attempts
        on placed_students.student_key = course_attempts.student_key

    inner join settings
        on placed_students.grade_order = settings.algebra_1_by_grade + 1

    group by
        placed_students.student_key,
        placed_students.school_key,
        placed_students.as_of_date

),

final as (

    select
        'grade_3_reading' as metric_id,
        student_key,
        school_key,
        metric_date,
        numerator
    from reading_facts
    union all
    select
        'algebra_1_by_grade_9' as metric_id,
        student_key,
        school_key,
        metric_date,
        numerator
    from algebra_facts
    union all
    select
        'success_plan_and_adult' as metric_id,
        student_key,
        school_key,
        metric_date,
        numerator
    from plan_facts

)

select * from final
