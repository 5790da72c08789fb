with

placed_students as (

    select * from {{ ref('int_students_placed') }}

),

suggested_tiers as (

    select * from {{ ref('int_tiers_suggested') }}

),

latest_reviews as (

    select * from {{ ref('int_reviews_latest') }}

),

listed_reviews as (

    select * from {{ ref('int_reviews_listed') }}

),

assignments as (

    select * from {{ ref('stg_staff__assignments') }}

),

reviews_due as (

    select * from {{ ref('int_reviews_due_listed') }}
    where review_kind = 'september'

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

-- Distinct, because last year had two reviews: the later one that names a tier speaks.
last_year_reviews as (

    select distinct on (listed_reviews.student_key)
        listed_reviews.student_key,
        listed_reviews.decided_tier

    from listed_reviews

    inner join run_dates
        on listed_reviews.school_year = run_dates.school_year - 1

    where listed_reviews.decided_tier is not null

    order by listed_reviews.student_key asc, listed_reviews.reviewed_date desc

),

-- Tiers stand in the order of their names: 1, 2a, 2b, 3. The two are compared and never
-- mixed: what people decided stays.
final as (

    select
        placed_students.student_key,
        placed_students.school_key,
        suggested_tiers.suggested_tier,
        suggested_tiers.suggested_tier_reasons,
        latest_reviews.decided_tier,
        latest_reviews.decided_date as decided_on,
        coalesce(nullif(staff_names.staff_name, ''), latest_reviews.decider_id)
            as decided_by,
        case
            when
                latest_reviews.decided_tier is null
                or coalesce(suggested_tiers.suggested_tier, 'not_known') = 'not_known'
                then 'not_comparable'
            when suggested_tiers.suggested_tier > latest_reviews.decided_tier
                then 'more_support'
            when suggested_tiers.suggested_tier < latest_reviews.decided_tier
                then 'less_support'
            else 'same'
        end as tier_difference,
        case
            when latest_reviews.decided_tier is null
                then last_year_reviews.decided_tier
        end as last_year_tier,
        reviews_due.student_key is not null as is_carried_forward

    from placed_students

    left join suggested_tiers
        on
            placed_students.student_key = suggested_tiers.student_key
            and placed_students.school_key = suggested_tiers.school_key

    left join latest_reviews
        on placed_students.student_key = latest_reviews.student_key

    left join staff_names
        on latest_reviews.decider_id = staff_names.staff_id

    left join last_year_reviews
        on placed_students.student_key = last_year_reviews.student_key

    left join reviews_due
        on placed_students.student_key = reviews_due.student_key

)

select * from final
