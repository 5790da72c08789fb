with

needs as (

    select * from {{ ref('int_needs_opened') }}

),

referrals as (

    select * from {{ ref('fct_referrals') }}

),

service_lists as (

    select * from {{ ref('int_service_fits_listed') }}

),

-- A referral names the rule it answers; one that names none answers its domain.
matched_referrals as (

    select
        needs.need_id,
        referrals.referral_id,
        referrals.referral_state,
        referrals.service_name,
        referrals.organization_id,
        referrals.organization_name,
        referrals.is_open,
        referrals.state_date,
        referrals.last_contact_date,
        referrals.rule_id is not null as is_named_rule

    from needs

    inner join referrals
        on
            needs.student_key = referrals.student_key
            and (
                needs.rule_id = referrals.rule_id
                or (referrals.rule_id is null and needs.domain = referrals.domain)
            )

),

-- Of several referrals the one that says most: named rule, open, latest.
chosen_referrals as (

    select distinct on (need_id)
        need_id,
        referral_id,
        referral_state,
        service_name,
        organization_id,
        organization_name,
        state_date,
        last_contact_date

    from matched_referrals

    order by
        need_id asc,
        is_named_rule desc,
        is_open desc,
        state_date desc,
        referral_id collate "C" desc

),

final as (

    select
        needs.need_id,
        needs.student_key,
        needs.student_source_id,
        needs.school_key,
        needs.school_source_id,
        chosen_referrals.referral_id,
        needs.rule_id,
        needs.domain,
        needs.concern_level,
        needs.wording,
        needs.rule_version,
        needs.level_rank,
        needs.evidence,
        needs.opened_date,
        needs.as_of_date,
        needs.previous_as_of_date,
        chosen_referrals.last_contact_date,
        coalesce(chosen_referrals.referral_state, 'new') as referral_state,
        coalesce(chosen_referrals.service_name, service_lists.first_service_name)
            as service_name,
        coalesce(chosen_referrals.organization_id, service_lists.first_organization_id)
            as organization_id,
        coalesce(
            chosen_referrals.organization_name, service_lists.first_organization_name
        ) as organization_name,
        coalesce(service_lists.service_count, 0) as service_count,
        coalesce(service_lists.services, cast('[]' as jsonb)) as services,
        coalesce(chosen_referrals.state_date, needs.opened_date) as state_date

    from needs

    left join chosen_referrals
        on needs.need_id = chosen_referrals.need_id

    left join service_lists
        on needs.fit_key = service_lists.fit_key

)

select * from final
