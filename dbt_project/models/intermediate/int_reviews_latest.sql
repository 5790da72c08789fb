with

reviews as (

    select * from {{ ref('stg_reviews__reviews') }}

),

students as (

    select * from {{ ref('int_students_identified') }}

),

assignments as (

    select * from {{ ref('stg_staff__assignments') }}

),

settings as (

    select * from {{ ref('int_settings_pivoted') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

-- Distinct, because a member of staff may have several assignments.
staff_names as (

    select distinct on (staff_id)
        staff_id,
        concat_ws(' ', given_name, family_name) as staff_name

    from assignments

    order by staff_id asc, begin_date desc, staff_role collate "C" asc

),

year_reviews as (

    select
        students.student_key,
        reviews.review_id,
        reviews.decided_tier,
        reviews.review_season,
        reviews.reviewed_date,
        nullif(cardinality(reviews.interest_codes), 0) as interest_count,
        replace(array_to_string(reviews.interest_codes, ', '), '_', ' ')
            as interests_text,
        coalesce(nullif(staff_names.staff_name, ''), reviews.reviewer_id) as decided_by

    from reviews

    inner join run_dates
        on
            reviews.school_year = run_dates.school_year
            and reviews.reviewed_date <= run_dates.as_of_date

    inner join students
        on reviews.student_source_id = students.student_source_id

    cross join settings

    left join staff_names
        on reviews.reviewer_id = staff_names.staff_id

    where
        reviews.review_kind = 'whole_class'
        and coalesce(nullif(reviews.tier_system, ''), settings.tier_system)
        = settings.tier_system

),

-- The last review of the school year is in force; of two of one day, the higher id.
final as (

    select distinct on (student_key)
        student_key,
        review_id,
        decided_tier,
        review_season,
        interests_text,
        interest_count,
        reviewed_date,
        decided_by

    from year_reviews

    order by student_key asc, reviewed_date desc, review_id collate "C" desc

)

select * from final
