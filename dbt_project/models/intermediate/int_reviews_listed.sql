with

reviews as (

    select * from {{ ref('stg_reviews__reviews') }}

),

students as (

    select * from {{ ref('int_students_identified') }}

),

settings as (

    select * from {{ ref('int_settings_pivoted') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

system_reviews as (

    select
        students.student_key,
        reviews.review_id,
        reviews.decided_tier,
        reviews.review_season,
        reviews.school_year,
        reviews.reviewed_date,
        coalesce(reviews.is_carried_forward, false) as is_carried_forward

    from reviews

    inner join run_dates
        on reviews.reviewed_date <= run_dates.as_of_date

    inner join students
        on reviews.student_source_id = students.student_source_id

    cross join settings

    where
        reviews.review_kind = 'whole_class'
        and coalesce(nullif(reviews.tier_system, ''), settings.tier_system)
        = settings.tier_system

),

-- Distinct, because a review may be written down again: the last of a season speaks.
final as (

    select distinct on (student_key, school_year, review_season)
        student_key,
        decided_tier,
        review_season,
        school_year,
        is_carried_forward,
        reviewed_date

    from system_reviews

    order by
        student_key asc,
        school_year asc,
        review_season asc,
        reviewed_date desc,
        review_id collate "C" desc

)

select * from final
