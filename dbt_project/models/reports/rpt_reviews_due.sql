with

reviews_due as (

    select * from {{ ref('int_reviews_due_listed') }}

),

placed_students as (

    select * from {{ ref('int_students_placed') }}

),

students as (

    select * from {{ ref('dim_students') }}

),

latest_reviews as (

    select * from {{ ref('int_reviews_latest') }}

),

review_kinds as (

    select * from {{ ref('review_kinds') }}

),

final as (

    select
        placed_students.student_key,
        placed_students.student_source_id,
        placed_students.school_key,
        placed_students.school_source_id,
        review_kinds.review_kind,
        students.student_name,
        students.sort_name,
        placed_students.grade_level,
        latest_reviews.decided_tier,
        review_kinds.wording as next_step,
        review_kinds.kind_order,
        reviews_due.counted_from_date as counted_from,
        reviews_due.due_date,
        reviews_due.latest_date,
        placed_students.as_of_date,
        reviews_due.due_date <= placed_students.as_of_date as is_due,
        reviews_due.latest_date < placed_students.as_of_date as is_overdue

    from reviews_due

    inner join placed_students
        on reviews_due.student_key = placed_students.student_key

    inner join students
        on placed_students.student_key = students.student_key

    inner join review_kinds
        on reviews_due.review_kind = review_kinds.review_kind

    left join latest_reviews
        on reviews_due.student_key = latest_reviews.student_key

)

select * from final
