with

own_decisions as (

    select * from {{ ref('int_decisions_served') }}

),

met as (

    select * from {{ ref('int_decisions_met') }}

),

-- A need's own referral begins anew after a refusal, and for another service.
turned_decisions as (

    select
        own_decisions.need_id,
        own_decisions.release_id,
        own_decisions.student_source_id,
        own_decisions.rule_id,
        own_decisions.domain,
        own_decisions.decision,
        own_decisions.reason_code,
        own_decisions.decided_by,
        own_decisions.decided_date,
        own_decisions.service_id,
        own_decisions.turn_number,
        met.told_referral_id,
        met.told_state_order,
        met.ended_count
        + count(*) filter (
            where own_decisions.decision = 'family_declined'
        ) over earlier_decisions
        + count(*) filter (
            where own_decisions.decision = 'choose_another'
        ) over until_here as begun_count,
        coalesce(
            bool_or(
                own_decisions.decision = 'choose_another'
                and met.told_service_id is distinct from own_decisions.service_id
            ) over until_here,
            false
        ) as is_own_referral

    from own_decisions

    inner join met
        on
            own_decisions.need_id = met.need_id
            and own_decisions.turn_number = met.turn_number

    window
        earlier_decisions as (
            partition by own_decisions.need_id
            order by own_decisions.turn_number asc
            rows between unbounded preceding and 1 preceding
        ),
        until_here as (
            partition by own_decisions.need_id
            order by own_decisions.turn_number asc
        )

),

final as (

    select
        need_id,
        release_id,
        student_source_id,
        rule_id,
        domain,
        decision,
        reason_code,
        decided_by,
        decided_date,
        service_id,
        turn_number,
        told_referral_id,
        case
            when is_own_referral or told_referral_id is null
                then 'D-' || need_id || '-' || begun_count
            else told_referral_id
        end as referral_id,
        case
            when not is_own_referral then coalesce(told_state_order, 0) else 0
        end as told_state_order

    from turned_decisions

)

select * from final
