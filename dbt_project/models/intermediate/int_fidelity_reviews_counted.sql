with

placed_students as (

    select * from {{ ref('int_students_placed') }}

),

latest_reviews as (

    select * from {{ ref('int_reviews_latest') }}

),

season_reviews as (

    select * from {{ ref('int_reviews_listed') }}

),

class_reviews as (

    select * from {{ ref('int_class_reviews_tiered') }}

),

review_domains as (

    select * from {{ ref('stg_reviews__review_domains') }}

),

looks as (

    select * from {{ ref('int_plan_looks_dated') }}

),

settings as (

    select * from {{ ref('int_settings_pivoted') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

-- Distinct, because the year has several reviews: health was considered in any of them.
health_reviews as (

    select distinct class_reviews.student_key

    from class_reviews

    inner join run_dates
        on class_reviews.school_year = run_dates.school_year

    inner join review_domains
        on
            class_reviews.review_id = review_domains.review_id
            and review_domains.domain = 'health'

),

answers as (

    select
        placed_students.student_key,
        placed_students.school_key,
        latest_reviews.student_key is not null as is_reviewed,
        this_season.student_key is not null as is_reviewed_in_season,
        latest_reviews.decided_tier = '3' as is_in_tier_three,
        looks.last_individual_review_date >= latest_reviews.decided_date
            as has_individual_review,
        latest_reviews.decided_tier >= settings.plan_review_from_tier as has_plan_tier,
        looks.last_contact_date >= run_dates.records_start_date as has_contact,
        in_spring.student_key is not null as has_spring_review,
        health_reviews.student_key is not null as has_health_review

    from placed_students

    cross join settings

    cross join run_dates

    left join latest_reviews
        on placed_students.student_key = latest_reviews.student_key

    left join season_reviews as this_season
        on
            placed_students.student_key = this_season.student_key
            and run_dates.school_year = this_season.school_year
            and run_dates.review_season = this_season.review_season

    left join season_reviews as in_spring
        on
            placed_students.student_key = in_spring.student_key
            and run_dates.school_year = in_spring.school_year
            and in_spring.review_season = 'spring'

    left join looks
        on placed_students.student_key = looks.student_key

    left join health_reviews
        on placed_students.student_key = health_reviews.student_key

),

final as (

    select
        school_key,
        count(*) as student_count,
        count(*) filter (where is_reviewed) as reviewed_count,
        count(*) filter (where is_reviewed_in_season) as season_count,
        count(*) filter (where is_in_tier_three) as tier_three_count,
        count(*) filter (where is_in_tier_three and has_individual_review)
            as individual_review_count,
        count(*) filter (where has_plan_tier) as plan_tier_count,
        count(*) filter (where has_plan_tier and has_contact) as contact_count,
        count(*) filter (where has_plan_tier and has_spring_review) as spring_count,
        count(*) filter (where is_reviewed and has_health_review) as health_count

    from answers

    group by school_key

)

select * from final
