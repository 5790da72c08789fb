with

own_decisions as (

    select * from {{ ref('int_decisions_served') }}

),

service_events as (

    select * from {{ ref('stg_service_events__events') }}

),

referral_states as (

    select * from {{ ref('referral_states') }}

),

state_events as (

    select
        student_source_id,
        rule_id,
        referral_id,
        service_id,
        referral_state,
        event_date,
        row_number() over (
            partition by student_source_id, rule_id, referral_id
            order by
                event_date asc,
                event_sequence asc nulls first,
                event_id collate "C" asc
        ) as event_place

    from service_events

    where event_type = 'state'

),

-- What the providers' feed said of the need by the day of the decision, per referral.
told_states as (

    select distinct on (
        own_decisions.need_id,
        own_decisions.turn_number,
        state_events.referral_id
    )
        own_decisions.need_id,
        own_decisions.turn_number,
        state_events.referral_id,
        state_events.service_id,
        referral_states.is_open,
        referral_states.state_order,
        referral_states.may_pause,
        state_events.event_date

    from own_decisions

    inner join state_events
        on
            own_decisions.student_source_id = state_events.student_source_id
            and own_decisions.rule_id = state_events.rule_id
            and own_decisions.decided_date >= state_events.event_date

    inner join referral_states
        on state_events.referral_state = referral_states.referral_state

    order by
        own_decisions.need_id asc,
        own_decisions.turn_number asc,
        state_events.referral_id asc,
        state_events.event_place desc

),

-- A need may have several open referrals; the latest is the one that is meant.
running as (

    select distinct on (need_id, turn_number)
        need_id,
        turn_number,
        referral_id,
        service_id,
        state_order,
        may_pause

    from told_states

    where is_open

    order by
        need_id asc,
        turn_number asc,
        event_date desc,
        referral_id collate "C" desc

),

ended as (

    select
        need_id,
        turn_number,
        count(*) as closed_count

    from told_states

    where not is_open

    group by
        need_id,
        turn_number

),

final as (

    select
        own_decisions.need_id,
        own_decisions.turn_number,
        running.referral_id as told_referral_id,
        running.service_id as told_service_id,
        running.state_order as told_state_order,
        coalesce(running.may_pause, false) as told_may_pause,
        coalesce(ended.closed_count, 0) as ended_count

    from own_decisions

    left join running
        on
            own_decisions.need_id = running.need_id
            and own_decisions.turn_number = running.turn_number

    left join ended
        on
            own_decisions.need_id = ended.need_id
            and own_decisions.turn_number = ended.turn_number

)

select * from final
