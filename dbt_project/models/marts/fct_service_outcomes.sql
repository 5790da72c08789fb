with

services as (

    select * from {{ ref('dim_services') }}

),

referrals as (

    select * from {{ ref('fct_referrals') }}

),

referral_counts as (

    select
        service_id,
        {{ referral_counts() }}

    from referrals

    where service_id is not null

    group by service_id

),

final as (

    select
        services.service_id,
        services.organization_id,
        services.service_name,
        services.organization_name,
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

    from services

    inner join referral_counts
        on services.service_id = referral_counts.service_id

)

select * from final
