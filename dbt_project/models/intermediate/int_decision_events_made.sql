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

-- How far each decision brings a referral.
ways as (

    select
        decision_steps.decision,
        max(referral_states.state_order) as way_order

    from decision_steps

    inner join referral_states
        on decision_steps.referral_state = referral_states.referral_state

    where referral_states.is_open

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
        greatest(
            decisions.told_state_order,
            max(ways.way_order) over (
                partition by decisions.referral_id
                order by decisions.turn_number asc
                rows between unbounded preceding and 1 preceding
            )
        ) as reached_order,
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

stepped_events as (

    select
        followed_decisions.need_id,
        followed_decisions.release_id,
        followed_decisions.decided_by,
        followed_decisions.referral_id,
        followed_decisions.student_source_id,
        followed_decisions.rule_id,
        followed_decisions.domain,
        followed_decisions.decided_date,
        followed_decisions.service_id,
        decision_steps.event_type,
        referral_states.referral_state,
        followed_decisions.turn_number,
        decision_steps.step,
        coalesce(followed_decisions.reason_code, nullif(decision_steps.reason, ''))
            as reason

    from followed_decisions

    inner join decision_steps
        on followed_decisions.decision = decision_steps.decision

    left join referral_states
        on decision_steps.referral_state = referral_states.referral_state

    where
        followed_decisions.reached_order
        between decision_steps.reached_from and decision_steps.reached_to

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
        turn_number,
        0 as step,
        'chosen_another' as reason

    from followed_decisions

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
        reason,
        decided_date as event_date,
        -- After whatever the providers told of the same day.
        cast(1000 + 10 * turn_number + step as integer) as event_sequence,
        concat_ws('-', 'D', need_id, release_id, decided_by, step) as event_id

    from events

)

select * from final
