with

reviews_due as (

    select * from {{ ref('int_reviews_due_listed') }}

),

placed_students as (

    select * from {{ ref('int_students_placed') }}

),

students as (

    select * from {{ ref('dim_students') }}

),

latest_reviews as (

    select * from {{ ref('int_reviews_latest') }}

),

review_kinds as (

    select * from {{ ref('review_kinds') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

success_plans as (

    select * from {{ ref('fct_success_plans') }}

),

settings as (

    select * from {{ ref('int_settings_pivoted') }}

),

-- The day stands in the calendar year in which the school year begins, or ends.
plan_days as (

    select
        run_dates.year_start_date,
        make_date(
            run_dates.school_year - cast(
                settings.success_plan_due >= run_dates.school_year_starts as integer
            ),
            cast(left(settings.success_plan_due, 2) as integer),
            cast(right(settings.success_plan_due, 2) as integer)
        ) as due_date

    from run_dates

    cross join settings

),

plan_exceptions as (

    select
        success_plans.student_key,
        success_plans.school_key,
        case success_plans.exception_reason
            when 'no_plan' then 'plan_missing'
            when 'no_adult' then 'adult_missing'
            else 'adult_left'
        end as review_kind,
        plan_days.year_start_date as counted_from_date,
        plan_days.due_date,
        plan_days.due_date as latest_date

    from success_plans

    cross join plan_days

    where
        success_plans.exception_reason in ('no_plan', 'no_adult', 'adult_not_at_school')

),

dues as (

    select * from reviews_due
    union all
    select * from plan_exceptions

),

final as (

    select
        placed_students.student_key,
        placed_students.student_source_id,
        placed_students.school_key,
        placed_students.school_source_id,
        review_kinds.review_kind,
        students.student_name,
        students.sort_name,
        placed_students.grade_level,
        latest_reviews.decided_tier,
        review_kinds.wording as next_step,
        review_kinds.kind_order,
        dues.counted_from_date as counted_from,
        dues.due_date,
        dues.latest_date,
        placed_students.as_of_date,
        dues.due_date <= placed_students.as_of_date as is_due,
        dues.latest_date < placed_students.as_of_date as is_overdue

    from dues

    inner join placed_students
        on
            dues.student_key = placed_students.student_key
            and dues.school_key = placed_students.school_key

    inner join students
        on placed_students.student_key = students.student_key

    inner join review_kinds
        on dues.review_kind = review_kinds.review_kind

    left join latest_reviews
        on dues.student_key = latest_reviews.student_key

)

select * from final
