with

organizations as (

    select * from {{ ref('stg_providers__organizations') }}

),

referrals as (

    select * from {{ ref('fct_referrals') }}

),

referral_counts as (

    select
        organization_id,
        count(distinct service_id) as service_count,
        {{ referral_counts() }}

    from referrals

    where organization_id is not null

    group by organization_id

),

final as (

    select
        organizations.organization_id,
        organizations.organization_name,
        referral_counts.service_count,
        referral_counts.referral_count,
        referral_counts.student_count,
        referral_counts.requested_count,
        referral_counts.answered_count,
        referral_counts.accepted_count,
        referral_counts.rejected_count,
        referral_counts.begun_count,
        referral_counts.completed_count,
        referral_counts.ended_count,
        referral_counts.attended_count,
        referral_counts.attended_minutes,
        referral_counts.median_days_to_answer,
        referral_counts.median_days_to_service,
        {{ referral_shares() }}

    from organizations

    inner join referral_counts
        on organizations.organization_id = referral_counts.organization_id

)

select * from final
