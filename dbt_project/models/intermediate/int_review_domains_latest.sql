with

reviews as (

    select * from {{ ref('int_reviews_latest') }}

),

review_domains as (

    select * from {{ ref('stg_reviews__review_domains') }}

),

concern_levels as (

    select * from {{ ref('concern_levels') }}

),

-- Needs named without a level are a mild concern: people saw something.
final as (

    select
        reviews.student_key,
        review_domains.domain,
        review_domains.need_codes,
        review_domains.strength_codes,
        reviews.reviewed_date,
        coalesce(
            concern_levels.level_rank,
            case when cardinality(review_domains.need_codes) > 0 then 1 end
        ) as level_rank,
        coalesce(
            nullif(
                replace(array_to_string(review_domains.need_codes, ', '), '_', ' '), ''
            ),
            'no detail given'
        ) as needs_text,
        coalesce(cardinality(review_domains.strength_codes), 0) as strength_count,
        replace(array_to_string(review_domains.strength_codes, ', '), '_', ' ')
            as strengths_text

    from reviews

    inner join review_domains
        on reviews.review_id = review_domains.review_id

    left join concern_levels
        on review_domains.concern_level = concern_levels.concern_level

)

select * from final
