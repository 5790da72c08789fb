with

placed_students as (

    select * from {{ ref('int_students_placed') }}

),

latest_reviews as (

    select * from {{ ref('int_reviews_latest') }}

),

looks as (

    select * from {{ ref('int_plan_looks_dated') }}

),

school_weeks as (

    select * from {{ ref('int_school_weeks_numbered') }}

),

settings as (

    select * from {{ ref('int_settings_pivoted') }}

),

-- The clock starts again with each review and each contact.
clocks as (

    select
        placed_students.student_key,
        placed_students.school_key,
        settings.plan_review_after_weeks,
        settings.plan_review_latest_weeks,
        greatest(
            latest_reviews.reviewed_date,
            looks.last_individual_review_date,
            looks.last_contact_date
        ) as counted_from_date

    from placed_students

    inner join latest_reviews
        on placed_students.student_key = latest_reviews.student_key

    cross join settings

    left join looks
        on placed_students.student_key = looks.student_key

    where latest_reviews.decided_tier >= settings.plan_review_from_tier

),

started_clocks as (

    select
        clocks.student_key,
        clocks.school_key,
        clocks.plan_review_after_weeks,
        clocks.plan_review_latest_weeks,
        clocks.counted_from_date,
        school_weeks.week_number,
        -- A day of a week without school counts as the last day of school before it.
        least(clocks.counted_from_date - school_weeks.week_of, 4) as day_of_week

    from clocks

    left join school_weeks
        on
            clocks.school_key = school_weeks.school_key
            and clocks.counted_from_date >= school_weeks.week_of
            and clocks.counted_from_date < school_weeks.next_week_of

),

-- Weeks without school do not count. Where the calendar ends, or there is none, all do.
final as (

    select
        started_clocks.student_key,
        started_clocks.school_key,
        started_clocks.counted_from_date,
        coalesce(
            due_weeks.week_of + started_clocks.day_of_week,
            started_clocks.counted_from_date
            + 7 * started_clocks.plan_review_after_weeks
        ) as due_date,
        coalesce(
            latest_weeks.week_of + started_clocks.day_of_week,
            started_clocks.counted_from_date
            + 7 * started_clocks.plan_review_latest_weeks
        ) as latest_date

    from started_clocks

    left join school_weeks as due_weeks
        on
            started_clocks.school_key = due_weeks.school_key
            and started_clocks.week_number + started_clocks.plan_review_after_weeks
            = due_weeks.week_number

    left join school_weeks as latest_weeks
        on
            started_clocks.school_key = latest_weeks.school_key
            and started_clocks.week_number + started_clocks.plan_review_latest_weeks
            = latest_weeks.week_number

)

select * from final
