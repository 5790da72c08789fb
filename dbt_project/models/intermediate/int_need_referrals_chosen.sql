with

needs as (

    select * from {{ ref('int_needs_opened') }}

),

referrals as (

    select * from {{ ref('fct_referrals') }}

),

-- A referral names the rule it answers; one that names none answers its domain.
matched_referrals as (

    select
        needs.need_id,
        referrals.referral_id,
        referrals.service_id,
        referrals.referral_state,
        referrals.service_name,
        referrals.organization_id,
        referrals.organization_name,
        referrals.is_open,
        referrals.began_date,
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
final as (

    select distinct on (need_id)
        need_id,
        referral_id,
        service_id,
        referral_state,
        service_name,
        organization_id,
        organization_name,
        began_date,
        state_date,
        last_contact_date

    from matched_referrals

    order by
        need_id asc,
        is_named_rule desc,
        is_open desc,
        state_date desc nulls last,
        referral_id collate "C" desc

)

select * from final
