with

placed_students as (

    select * from {{ ref('int_students_placed') }}

),

review_domains as (

    select * from {{ ref('int_review_domains_latest') }}

),

reviews as (

    select * from {{ ref('int_reviews_latest') }}

),

domain_measures as (

    select
        review_domains.student_key,
        listed.indicator_id,
        listed.detail,
        listed.numerator,
        review_domains.reviewed_date

    from review_domains

    cross join lateral (
        values
        (
            'review_' || review_domains.domain,
            review_domains.needs_text,
            review_domains.level_rank
        ),
        (
            'strengths_' || review_domains.domain,
            review_domains.strengths_text,
            review_domains.strength_count
        )
    ) as listed (indicator_id, detail, numerator)

),

all_measures as (

    select
        student_key,
        indicator_id,
        detail,
        numerator,
        reviewed_date
    from domain_measures
    union all
    select
        student_key,
        'interests' as indicator_id,
        interests_text as detail,
        interest_count as numerator,
        reviewed_date
    from reviews

),

final as (

    select
        placed_students.student_key,
        placed_students.school_key,
        all_measures.indicator_id,
        all_measures.detail,
        cast(all_measures.numerator as numeric) as numerator,
        cast(1 as numeric) as denominator,
        all_measures.reviewed_date as data_through_date

    from all_measures

    inner join placed_students
        on all_measures.student_key = placed_students.student_key

)

select * from final
