with

placed_students as (

    select * from {{ ref('int_students_placed') }}

),

reviews as (

    select * from {{ ref('int_reviews_listed') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

year_reviews as (

    select
        reviews.student_key,
        reviews.decided_tier,
        reviews.review_season,
        reviews.reviewed_date

    from reviews

    inner join run_dates
        on reviews.school_year = run_dates.school_year

),

-- Not reviewed, and reviewed without a tier, are values, never an empty cell.
tiers as (

    select
        placed_students.student_key,
        placed_students.student_source_id,
        placed_students.school_key,
        placed_students.as_of_date,
        fall_reviews.reviewed_date as fall_reviewed_date,
        spring_reviews.reviewed_date as spring_reviewed_date,
        coalesce(
            fall_reviews.decided_tier,
            case
                when fall_reviews.student_key is null then 'not_reviewed'
                else 'not_decided'
            end
        ) as fall_tier,
        coalesce(
            spring_reviews.decided_tier,
            case
                when spring_reviews.student_key is null then 'not_reviewed'
                else 'not_decided'
            end
        ) as spring_tier

    from placed_students

    left join year_reviews as fall_reviews
        on
            placed_students.student_key = fall_reviews.student_key
            and fall_reviews.review_season = 'fall'

    left join year_reviews as spring_reviews
        on
            placed_students.student_key = spring_reviews.student_key
            and spring_reviews.review_season = 'spring'

),

-- Tiers stand in the order of their names: 1, 2a, 2b, 3.
final as (

    select
        student_key,
        student_source_id,
        school_key,
        fall_tier,
        spring_tier,
        fall_reviewed_date,
        spring_reviewed_date,
        as_of_date,
        case
            when
                array[fall_tier, spring_tier] && array['not_reviewed', 'not_decided']
                then 'not_comparable'
            when spring_tier > fall_tier then 'more_support'
            when spring_tier < fall_tier then 'less_support'
            else 'same'
        end as movement

    from tiers

)

select * from final
