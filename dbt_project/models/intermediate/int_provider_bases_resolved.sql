with

referrals as (

    select * from {{ ref('fct_referrals') }}

),

consents as (

    select * from {{ ref('int_consents_resolved') }}

),

agreements as (

    select * from {{ ref('provider_agreements') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

-- Distinct, because a child may have several referrals to one provider.
pairs as (

    select distinct
        student_key,
        organization_id

    from referrals

    where organization_id is not null

),

-- A provider is a school official only where all three conditions hold, on these days.
agreements_in_force as (

    select
        agreements.organization_id,
        agreements.records_scope,
        agreements.purpose,
        agreements.until_date

    from agreements

    inner join run_dates
        on
            agreements.from_date <= run_dates.as_of_date
            and coalesce(agreements.until_date >= run_dates.as_of_date, true)

    where
        agreements.is_institutional_service
        and agreements.is_under_direct_control
        and agreements.may_not_redisclose

),

-- Where no consent names the provider, those for any partner speak for it.
chosen_consents as (

    select distinct on (pairs.student_key, pairs.organization_id)
        pairs.student_key,
        pairs.organization_id,
        consents.consent_id,
        consents.records_scope

    from pairs

    inner join consents
        on
            pairs.student_key = consents.student_key
            and coalesce(consents.recipient_organization_id, pairs.organization_id)
            = pairs.organization_id

    order by
        pairs.student_key asc,
        pairs.organization_id asc,
        consents.recipient_organization_id asc nulls last

),

final as (

    select
        pairs.student_key,
        pairs.organization_id,
        chosen_consents.consent_id,
        case
            when chosen_consents.consent_id is not null then 'consent'
            when agreements_in_force.organization_id is not null then 'school_official'
            else 'none'
        end as legal_basis,
        case
            when chosen_consents.consent_id is not null
                then chosen_consents.records_scope
            when agreements_in_force.organization_id is not null
                then agreements_in_force.records_scope
        end as records_scope,
        case
            when chosen_consents.consent_id is null then agreements_in_force.until_date
        end as agreement_until_date

    from pairs

    left join chosen_consents
        on
            pairs.student_key = chosen_consents.student_key
            and pairs.organization_id = chosen_consents.organization_id

    left join agreements_in_force
        on pairs.organization_id = agreements_in_force.organization_id

)

select * from final
