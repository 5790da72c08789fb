with

placed_students as (

    select * from {{ ref('int_students_placed') }}

),

referrals as (

    select * from {{ ref('fct_referrals') }}

),

referral_states as (

    select * from {{ ref('referral_states') }}

),

reviews as (

    select * from {{ ref('int_reviews_latest') }}

),

signals as (

    select * from {{ ref('fct_signals') }}

),

school_days as (

    select * from {{ ref('int_instructional_days_resolved') }}
    where is_submitted

),

since as (

    select * from {{ ref('int_lists_before_dated') }}

),

new_days as (

    select
        school_days.school_key,
        count(*) as new_day_count

    from school_days

    inner join since
        on
            school_days.school_key = since.school_key
            and school_days.school_day_date > since.since_date

    group by school_days.school_key

),

changed_referrals as (

    select
        placed_students.student_key,
        placed_students.school_key,
        'changed' as item_kind,
        referrals.referral_id as subject_id,
        coalesce(referrals.service_name, 'The referral')
        || ' '
        || referral_states.state_wording
        || '.' as item_text,
        referrals.referral_state as item_code,
        referrals.service_name as item_subject,
        referrals.state_date as item_date,
        referral_states.state_order as item_weight

    from referrals

    inner join placed_students
        on referrals.student_key = placed_students.student_key

    inner join since
        on
            placed_students.school_key = since.school_key
            and referrals.state_date > since.since_date

    inner join referral_states
        on referrals.referral_state = referral_states.referral_state

    where not referrals.is_counted_active

),

changed_tiers as (

    select
        placed_students.student_key,
        placed_students.school_key,
        'changed' as item_kind,
        reviews.review_id as subject_id,
        'Reviewed: tier ' || reviews.decided_tier || '.' as item_text,
        'tier' as item_code,
        reviews.decided_tier as item_subject,
        reviews.decided_date as item_date,
        100 as item_weight

    from reviews

    inner join placed_students
        on reviews.student_key = placed_students.student_key

    inner join since
        on
            placed_students.school_key = since.school_key
            and reviews.decided_date > since.since_date

),

begun_services as (

    select
        placed_students.student_key,
        placed_students.school_key,
        'good_news' as item_kind,
        referrals.referral_id as subject_id,
        coalesce(referrals.service_name, 'A service') || ' has begun.' as item_text,
        'begun' as item_code,
        referrals.service_name as item_subject,
        referrals.began_date as item_date,
        1 as item_weight

    from referrals

    inner join placed_students
        on referrals.student_key = placed_students.student_key

    inner join since
        on
            placed_students.school_key = since.school_key
            and referrals.began_date > since.since_date

),

-- A streak is news on the day it reaches the rule's length, not on each day after.
new_streaks as (

    select
        signals.student_key,
        signals.school_key,
        'good_news' as item_kind,
        signals.rule_id as subject_id,
        signals.wording as item_text,
        'streak' as item_code,
        signals.rule_id as item_subject,
        signals.data_through_date as item_date,
        2 as item_weight

    from signals

    inner join new_days
        on
            signals.school_key = new_days.school_key
            and signals.measured_value
            < signals.threshold_value + new_days.new_day_count

    where
        signals.signal_kind = 'strength'
        and signals.indicator_id = 'present_streak'

),

final as (

    select * from changed_referrals
    union all
    select * from changed_tiers
    union all
    select * from begun_services
    union all
    select * from new_streaks

)

select * from final
