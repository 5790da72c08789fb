with

placed_students as (

    select * from {{ ref('int_students_placed') }}

),

reviews as (

    select * from {{ ref('int_reviews_listed') }}

),

latest_reviews as (

    select * from {{ ref('int_reviews_latest') }}

),

looks as (

    select * from {{ ref('int_plan_looks_dated') }}

),

plan_reviews as (

    select * from {{ ref('int_plan_reviews_dated') }}

),

settings as (

    select * from {{ ref('int_settings_pivoted') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

-- Due until it was held: on the day of the decision, or after it.
individual_reviews as (

    select
        placed_students.student_key,
        placed_students.school_key,
        'individual_review' as review_kind,
        latest_reviews.decided_date as counted_from_date,
        latest_reviews.decided_date + settings.individual_review_due_days as due_date,
        latest_reviews.decided_date + settings.individual_review_due_days as latest_date

    from placed_students

    inner join latest_reviews
        on placed_students.student_key = latest_reviews.student_key

    cross join settings

    left join looks
        on placed_students.student_key = looks.student_key

    where
        latest_reviews.decided_tier = '3'
        and coalesce(
            looks.last_individual_review_date < latest_reviews.decided_date, true
        )

),

-- In June the children marked this year, in September those marked the year before.
september_days as (

    select
        school_year as marked_school_year,
        cast(school_year || '-' || carry_forward_from as date) as from_date,
        cast(school_year || '-' || carry_forward_until as date) as until_date

    from (
        select
            run_dates.school_year,
            settings.carry_forward_from,
            settings.carry_forward_until
        from run_dates
        cross join settings
        union all
        select
            run_dates.school_year - 1 as school_year,
            settings.carry_forward_from,
            settings.carry_forward_until
        from run_dates
        cross join settings
    ) as years

),

september_reviews as (

    select
        placed_students.student_key,
        placed_students.school_key,
        'september' as review_kind,
        max(reviews.reviewed_date) as counted_from_date,
        max(september_days.until_date) as due_date,
        max(september_days.until_date) as latest_date

    from placed_students

    inner join reviews
        on placed_students.student_key = reviews.student_key

    inner join september_days
        on reviews.school_year = september_days.marked_school_year

    inner join run_dates
        on
            september_days.from_date <= run_dates.as_of_date
            and september_days.until_date >= run_dates.as_of_date

    where reviews.is_carried_forward

    group by
        placed_students.student_key,
        placed_students.school_key

),

final as (

    select * from individual_reviews
    union all
    select
        student_key,
        school_key,
        'plan_review' as review_kind,
        counted_from_date,
        due_date,
        latest_date
    from plan_reviews
    union all
    select * from september_reviews

)

select * from final
