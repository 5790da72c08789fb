with

needs as (

    select * from {{ ref('int_needs_opened') }}

),

chosen_referrals as (

    select * from {{ ref('int_need_referrals_chosen') }}

),

referral_states as (

    select * from {{ ref('referral_states') }}

),

tiers as (

    select * from {{ ref('int_tiers_suggested') }}

),

reviews as (

    select * from {{ ref('int_reviews_latest') }}

),

consents as (

    select * from {{ ref('int_consents_resolved') }}

),

-- While a family's consent for every partner is withdrawn, nobody is asked for a place.
withdrawn_students as (

    select student_key

    from consents

    where
        recipient_organization_id is null
        and is_withdrawn
        and not is_in_force

),

ordered_needs as (

    select
        needs.need_id,
        needs.student_key,
        needs.student_source_id,
        needs.school_key,
        needs.school_source_id,
        needs.rule_id,
        needs.level_rank,
        needs.opened_date,
        coalesce(reviews.decided_tier, tiers.suggested_tier) as working_tier,
        referral_states.is_asking and withdrawn_students.student_key is null
            as is_asking

    from needs

    left join chosen_referrals
        on needs.need_id = chosen_referrals.need_id

    inner join referral_states
        on
            coalesce(chosen_referrals.referral_state, 'new')
            = referral_states.referral_state

    left join tiers
        on
            needs.student_key = tiers.student_key
            and needs.school_key = tiers.school_key

    left join reviews
        on needs.student_key = reviews.student_key

    left join withdrawn_students
        on needs.student_key = withdrawn_students.student_key

),

-- One order for the district: level, tier, age of the need; then rule, child, school.
-- Tiers sort as their names do: 3, 2b, 2a, 1; not known comes last.
numbered_needs as (

    select
        need_id,
        student_key,
        school_key,
        rule_id,
        level_rank,
        working_tier,
        is_asking,
        opened_date,
        cast(
            row_number() over (
                order by
                    level_rank desc,
                    nullif(working_tier, 'not_known') collate "C" desc nulls last,
                    opened_date asc,
                    rule_id collate "C" asc,
                    student_source_id collate "C" asc,
                    school_source_id collate "C" asc
            ) as integer
        ) as need_number

    from ordered_needs

),

final as (

    select
        need_id,
        student_key,
        school_key,
        rule_id,
        need_number,
        working_tier,
        level_rank,
        cast(
            row_number() over (partition by school_key order by need_number)
            as integer
        ) as referral_rank,
        is_asking,
        opened_date

    from numbered_needs

)

select * from final
