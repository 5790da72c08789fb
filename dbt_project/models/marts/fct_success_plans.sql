with

placed_students as (

    select * from {{ ref('int_students_placed') }}

),

plans as (

    select * from {{ ref('int_success_plans_listed') }}

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
placed_plans as (

    select
        placed_students.student_key,
        placed_students.student_source_id,
        placed_students.school_key,
        placed_students.as_of_date,
        plans.plan_id,
        plans.caring_adult_staff_id,
        plans.part_count,
        assignments.staff_id is not null as has_caring_adult_at_school

    from placed_students

    inner join settings
        on
            placed_students.grade_order between settings.success_plan_grade_from
            and settings.success_plan_grade_to

    left join plans
        on placed_students.student_key = plans.student_key

    left join assignments
        on
            plans.caring_adult_staff_id = assignments.staff_id
            and placed_students.school_key = assignments.school_key

),

-- Distinct, because two schools may keep a plan of one child: at each school the one
-- whose adult is there, else the one that is further.
school_plans as (

    select distinct on (student_key, school_key)
        student_key,
        student_source_id,
        school_key,
        as_of_date,
        plan_id,
        caring_adult_staff_id,
        part_count,
        has_caring_adult_at_school

    from placed_plans

    order by
        student_key asc,
        school_key asc,
        has_caring_adult_at_school desc,
        caring_adult_staff_id is not null desc,
        part_count desc,
        plan_id collate "C" desc

),

final as (

    select
        school_plans.student_key,
        school_plans.student_source_id,
        school_plans.school_key,
        school_plans.plan_id,
        school_plans.as_of_date,
        plan_feeds.has_come as is_known,
        school_plans.has_caring_adult_at_school,
        coalesce(school_plans.part_count, 0) as parts_done_count,
        school_plans.plan_id is not null as has_plan,
        case
            when not plan_feeds.has_come then null
            when school_plans.plan_id is null then 'no_plan'
            when school_plans.caring_adult_staff_id is null then 'no_adult'
            when not school_plans.has_caring_adult_at_school then 'adult_not_at_school'
            when school_plans.part_count < settings.success_plan_parts then 'parts_open'
        end as exception_reason

    from school_plans

    cross join settings

    cross join plan_feeds

)

select * from final
