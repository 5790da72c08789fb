with

placed_students as (

    select * from {{ ref('int_students_placed') }}

),

student_groups as (

    select * from {{ ref('int_student_groups_pivoted') }}

),

movements as (

    select * from {{ ref('fct_tier_movements') }}

),

success_plans as (

    select * from {{ ref('fct_success_plans') }}

),

student_services as (

    select * from {{ ref('fct_student_services') }}

),

category_groups as (

    select * from {{ ref('category_groups') }}

),

suspensions as (

    select * from {{ ref('int_suspension_events_listed') }}

),

answers as (

    select * from {{ ref('int_metric_answers_listed') }}

),

-- Distinct, because a student may have several services: the most intensive speaks, and
-- one of no known group where there is no other.
services as (

    select distinct on (student_services.student_key, student_services.school_key)
        student_services.student_key,
        student_services.school_key,
        student_services.category_group

    from student_services

    inner join category_groups
        on student_services.category_group = category_groups.category_group

    order by
        student_services.student_key asc,
        student_services.school_key asc,
        student_services.category_group = 'not_known' asc,
        category_groups.group_order desc

),

-- Distinct, because a student may have been suspended several times.
suspended_students as (

    select distinct student_key from suspensions

),

final as (

    select
        placed_students.student_key,
        placed_students.student_source_id,
        placed_students.school_key,
        placed_students.school_source_id,
        student_groups.race_ethnicity,
        student_groups.residency,
        student_groups.economic_status,
        student_groups.english_learner,
        student_groups.special_education,
        movements.movement as tier_movement,
        placed_students.as_of_date,
        movements.fall_tier || ' to ' || movements.spring_tier as tier_change,
        case
            when success_plans.student_key is null then 'other_grade'
            when not success_plans.is_known then 'not_known'
            when
                success_plans.has_plan and success_plans.has_caring_adult_at_school
                then 'plan_and_adult'
            else 'gap'
        end as success_plan,
        coalesce(services.category_group, 'none') as services,
        case
            when suspended_students.student_key is not null then 'suspended'
            else 'not_suspended'
        end as suspension,
        case answers.numerator
            when 1 then 'met'
            when 0 then 'not_met'
            else 'not_counted'
        end as grade_3_reading

    from placed_students

    inner join student_groups
        on placed_students.student_key = student_groups.student_key

    inner join movements
        on
            placed_students.student_key = movements.student_key
            and placed_students.school_key = movements.school_key

    left join success_plans
        on
            placed_students.student_key = success_plans.student_key
            and placed_students.school_key = success_plans.school_key

    left join services
        on
            placed_students.student_key = services.student_key
            and placed_students.school_key = services.school_key

    left join suspended_students
        on placed_students.student_key = suspended_students.student_key

    left join answers
        on
            placed_students.student_key = answers.student_key
            and placed_students.school_key = answers.school_key
            and answers.metric_id = 'grade_3_reading'

)

select * from final
