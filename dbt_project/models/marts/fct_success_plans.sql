with

placed_students as (

    select * from {{ ref('int_students_placed') }}

),

plans as (

    select * from {{ ref('int_success_plans_latest') }}

),

assignments as (

    select * from {{ ref('int_staff_placed') }}

),

feeds as (

    select * from {{ ref('int_feeds_dated') }}

),

settings as (

    select * from {{ ref('int_settings_pivoted') }}

),

-- Having no plan is a fact only where the feed has ever come.
plan_feeds as (

    select count(*) > 0 as has_come from feeds
    where feed = 'plans'

),

-- The plan is the student's, wherever they go; its adult is looked for where they are.
final as (

    select
        placed_students.student_key,
        placed_students.student_source_id,
        placed_students.school_key,
        plans.plan_id,
        placed_students.as_of_date,
        plan_feeds.has_come as is_known,
        coalesce(plans.part_count, 0) as parts_done_count,
        plans.plan_id is not null as has_plan,
        assignments.staff_id is not null as has_caring_adult_at_school,
        case
            when not plan_feeds.has_come then null
            when plans.plan_id is null then 'no_plan'
            when plans.caring_adult_staff_id is null then 'no_adult'
            when assignments.staff_id is null then 'adult_not_at_school'
            when plans.part_count < settings.success_plan_parts then 'parts_open'
        end as exception_reason

    from placed_students

    cross join settings

    cross join plan_feeds

    left join plans
        on placed_students.student_key = plans.student_key

    left join assignments
        on
            plans.caring_adult_staff_id = assignments.staff_id
            and placed_students.school_key = assignments.school_key

    where
        placed_students.grade_order between settings.success_plan_grade_from
        and settings.success_plan_grade_to

)

select * from final
