with

own_decisions as (

    select * from {{ ref('int_decisions_served') }}

),

met as (

    select * from {{ ref('int_decisions_met') }}

),

met_decisions as (

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
        met.told_service_id,
        met.told_state_order,
        met.told_may_pause,
        met.ended_count,
        coalesce(
            bool_or(own_decisions.decision = 'connected') over (
                partition by own_decisions.need_id
                order by own_decisions.turn_number asc
            ),
            false
        ) as is_connected

    from own_decisions

    inner join met
        on
            own_decisions.need_id = met.need_id
            and own_decisions.turn_number = met.turn_number

),

-- What is under way can pause; what is not ends with a 'not now' as with a refusal.
ending_decisions as (

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
        told_service_id,
        told_state_order,
        ended_count,
        decision = 'family_declined' or (
            decision = 'not_now'
            and not told_may_pause
            and not is_connected
        ) as is_ending

    from met_decisions

),

-- A need's own referral begins anew after such an end, and for another service.
turned_decisions as (

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
        told_state_order,
        ended_count
        + count(*) filter (where is_ending) over earlier_decisions
        + count(*) filter (where decision = 'choose_another') over until_here
            as begun_count,
        coalesce(bool_or(is_ending) over earlier_decisions, false)
        or bool_or(
            decision = 'choose_another'
            and told_service_id is distinct from service_id
        ) over until_here as is_own_referral

    from ending_decisions

    window
        earlier_decisions as (
            partition by need_id
            order by turn_number asc
            rows between unbounded preceding and 1 preceding
        ),
        until_here as (
            partition by need_id
            order by turn_number asc
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
