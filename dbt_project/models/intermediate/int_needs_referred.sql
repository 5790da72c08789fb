with

needs as (

    select * from {{ ref('int_needs_opened') }}

),

chosen_referrals as (

    select * from {{ ref('int_need_referrals_chosen') }}

),

service_lists as (

    select * from {{ ref('int_service_fits_listed') }}

),

referral_states as (

    select * from {{ ref('referral_states') }}

),

-- A referral that ended unserved asks anew: who would serve now is who is suggested.
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
        case
            when referral_states.is_asking then service_lists.first_service_id
            else chosen_referrals.service_id
        end as service_id,
        coalesce(chosen_referrals.referral_state, 'new') as referral_state,
        case
            when referral_states.is_asking then service_lists.first_service_name
            else chosen_referrals.service_name
        end as service_name,
        case
            when referral_states.is_asking then service_lists.first_organization_id
            else chosen_referrals.organization_id
        end as organization_id,
        case
            when referral_states.is_asking then service_lists.first_organization_name
            else chosen_referrals.organization_name
        end as organization_name,
        coalesce(service_lists.service_count, 0) as service_count,
        coalesce(service_lists.has_place, false) as has_place,
        coalesce(service_lists.services, cast('[]' as jsonb)) as services,
        coalesce(chosen_referrals.state_date, needs.opened_date) as state_date

    from needs

    left join chosen_referrals
        on needs.need_id = chosen_referrals.need_id

    left join referral_states
        on
            coalesce(chosen_referrals.referral_state, 'new')
            = referral_states.referral_state

    left join service_lists
        on needs.need_id = service_lists.need_id

)

select * from final
