with

reviews as (

    select * from {{ ref('int_class_reviews_tiered') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

year_reviews as (

    select
        reviews.student_key,
        reviews.review_id,
        reviews.reviewer_id,
        reviews.decided_tier,
        reviews.review_season,
        reviews.reviewed_date,
        nullif(cardinality(reviews.interest_codes), 0) as interest_count,
        replace(array_to_string(reviews.interest_codes, ', '), '_', ' ')
            as interests_text

    from reviews

    inner join run_dates
        on reviews.school_year = run_dates.school_year

),

-- The last review of the school year is in force; of two of one day, the higher id.
last_reviews as (

    select distinct on (student_key)
        student_key,
        review_id,
        review_season,
        interests_text,
        interest_count,
        reviewed_date

    from year_reviews

    order by student_key asc, reviewed_date desc, review_id collate "C" desc

),

-- A review that names no tier leaves the one that was decided before.
last_decisions as (

    select distinct on (student_key)
        student_key,
        reviewer_id,
        decided_tier,
        reviewed_date

    from year_reviews

    where decided_tier is not null

    order by student_key asc, reviewed_date desc, review_id collate "C" desc

),

final as (

    select
        last_reviews.student_key,
        last_reviews.review_id,
        last_decisions.reviewer_id as decider_id,
        last_decisions.decided_tier,
        last_reviews.review_season,
        last_reviews.interests_text,
        last_reviews.interest_count,
        last_reviews.reviewed_date,
        last_decisions.reviewed_date as decided_date

    from last_reviews

    left join last_decisions
        on last_reviews.student_key = last_decisions.student_key

)

select * from final
