with

referrals as (

    select * from {{ ref('fct_referrals') }}

),

services as (

    select * from {{ ref('dim_services') }}

),

reasons as (

    select * from {{ ref('referral_reasons') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

served as (

    select
        student_key,
        service_id,
        true as is_served,
        cast(null as date) as parked_until_date

    from referrals

    where is_open and service_id is not null

),

-- What was declined is parked: the one service, or all of its provider.
parked as (

    select
        referrals.student_key,
        services.service_id,
        false as is_served,
        referrals.state_date + reasons.park_days as parked_until_date

    from referrals

    inner join reasons
        on referrals.state_reason = reasons.reason

    inner join services
        on
            referrals.service_id = services.service_id
            or (
                reasons.is_provider_wide
                and referrals.organization_id = services.organization_id
            )

    inner join run_dates
        on referrals.state_date + reasons.park_days > run_dates.as_of_date

    where
        reasons.is_declined
        and not referrals.is_open

),

united as (

    select * from served
    union all
    select * from parked

),

final as (

    select
        student_key,
        service_id,
        bool_or(is_served) as is_served,
        max(parked_until_date) as parked_until_date

    from united

    group by
        student_key,
        service_id

)

select * from final
