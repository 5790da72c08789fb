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

-- A tier of another system means something else: the review counts, its tier does not.
final as (

    select
        students.student_key,
        reviews.review_id,
        reviews.reviewer_id,
        reviews.review_season,
        reviews.school_year,
        reviews.interest_codes,
        reviews.reviewed_date,
        case
            when
                coalesce(nullif(reviews.tier_system, ''), settings.tier_system)
                = settings.tier_system
                then reviews.decided_tier
        end as decided_tier,
        coalesce(reviews.is_carried_forward, false) as is_carried_forward

    from reviews

    inner join run_dates
        on reviews.reviewed_date <= run_dates.as_of_date

    inner join students
        on reviews.student_source_id = students.student_source_id

    cross join settings

    where reviews.review_kind = 'whole_class'

)

select * from final
