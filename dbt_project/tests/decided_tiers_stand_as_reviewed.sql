-- What: students whose decided tier is not the one of their latest review.
-- Why it matters: the tier is a person's judgement; no computation may change it.
-- What to do: report it as a fault of the models; no data can cause it.
with

students as (

    select * from {{ ref('rpt_students') }}

),

reviews as (

    select * from {{ ref('int_reviews_latest') }}

),

final as (

    select
        students.student_key,
        students.school_key

    from students

    left join reviews
        on students.student_key = reviews.student_key

    where students.decided_tier is distinct from reviews.decided_tier

)

select * from final
