with

decisions as (

    select * from {{ ref('int_decisions_placed') }}

),

decision_steps as (

    select * from {{ ref('decision_steps') }}

),

referral_states as (

    select * from {{ ref('referral_states') }}

),

-- How far each decision brings a referral on its way to in-progress.
ways as (

    select
        decision_steps.decision,
        max(referral_states.state_order) as way_order

    from decision_steps

    inner join referral_states
        on decision_steps.referral_state = referral_states.referral_state

    where referral_states.state_order <= 4

    group by decision_steps.decision

),

followed_decisions as (

    select
        decisions.need_id,
        decisions.release_id,
        decisions.student_source_id,
        decisions.rule_id,
        decisions.domain,
        decisions.decision,
        decisions.reason_code,
        decisions.decided_by,
        decisions.decided_date,
        decisions.service_id,
        decisions.referral_id,
        decisions.turn_number,
        decisions.told_state_order,
        max(ways.way_order) over (
            partition by decisions.referral_id
            order by decisions.turn_number asc
            rows between unbounded preceding and 1 preceding
        ) as way_order,
        lag(decisions.decision) over (
            partition by decisions.referral_id
            order by decisions.turn_number asc
        ) as previous_decision,
        coalesce(
            lag(decisions.referral_id) over (
                partition by decisions.need_id
                order by decisions.turn_number asc
            ),
            decisions.told_referral_id
        ) as previous_referral_id

    from decisions

    left join ways
        on decisions.decision = ways.decision

),

-- After a pause the way is told anew, whatever had been reached before it.
reached_decisions as (

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
        referral_id,
        turn_number,
        previous_referral_id,
        case
            when previous_decision = 'not_now' or told_state_order > 4 then 0
            else greatest(coalesce(way_order, 0), told_state_order)
        end as reached_order

    from followed_decisions

),

stepped_events as (

    select
        reached_decisions.need_id,
        reached_decisions.release_id,
        reached_decisions.decided_by,
        reached_decisions.referral_id,
        reached_decisions.student_source_id,
        reached_decisions.rule_id,
        reached_decisions.domain,
        reached_decisions.decided_date,
        reached_decisions.service_id,
        decision_steps.event_type,
        referral_states.referral_state,
        reached_decisions.reason_code,
        reached_decisions.turn_number,
        decision_steps.step

    from reached_decisions

    inner join decision_steps
        on reached_decisions.decision = decision_steps.decision

    left join referral_states
        on decision_steps.referral_state = referral_states.referral_state

    where
        decision_steps.event_type = 'contact'
        or referral_states.state_order > 4
        or reached_decisions.reached_order < referral_states.state_order

),

-- Who chooses another service takes the referral to the first one back.
dropped_events as (

    select
        need_id,
        release_id,
        decided_by,
        previous_referral_id as referral_id,
        student_source_id,
        rule_id,
        domain,
        decided_date,
        cast(null as text) as service_id,
        'state' as event_type,
        'cancelled' as referral_state,
        'another_service' as reason_code,
        turn_number,
        0 as step

    from reached_decisions

    where
        decision = 'choose_another'
        and previous_referral_id <> referral_id

),

events as (

    select * from stepped_events

    union all

    select * from dropped_events

),

final as (

    select
        referral_id,
        student_source_id,
        service_id,
        rule_id,
        domain,
        event_type,
        referral_state,
        reason_code,
        decided_date as event_date,
        -- After whatever the providers told of the same day.
        cast(1000 + 10 * turn_number + step as integer) as event_sequence,
        concat_ws('-', 'D', need_id, release_id, decided_by, step) as event_id

    from events

)

select * from final
