with

reviews as (

    select * from {{ ref('int_class_reviews_tiered') }}

),

-- The last review of a season speaks. One that names no tier leaves the one that was
-- decided before in that season.
numbered_reviews as (

    select
        student_key,
        review_season,
        school_year,
        is_carried_forward,
        reviewed_date,
        first_value(decided_tier) over (
            partition by student_key, school_year, review_season
            order by
                decided_tier is null asc,
                reviewed_date desc,
                review_id collate "C" desc
        ) as decided_tier,
        row_number() over (
            partition by student_key, school_year, review_season
            order by reviewed_date desc, review_id collate "C" desc
        ) as review_place

    from reviews

),

final as (

    select
        student_key,
        decided_tier,
        review_season,
        school_year,
        is_carried_forward,
        reviewed_date

    from numbered_reviews

    where review_place = 1

)

select * from final
