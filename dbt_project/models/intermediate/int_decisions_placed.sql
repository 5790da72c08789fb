with

decisions as (

    select * from {{ ref('int_decisions_judged') }}

),

service_events as (

    select * from {{ ref('stg_service_events__events') }}

),

referral_states as (

    select * from {{ ref('referral_states') }}

),

services as (

    select * from {{ ref('dim_services') }}

),

-- A name that two services share chooses neither.
named_services as (

    select
        lower(service_name) as service_name,
        min(service_id) as service_id

    from services

    group by lower(service_name)

    having count(*) = 1

),

counted_decisions as (

    select
        need_id,
        release_id,
        student_source_id,
        rule_id,
        domain,
        decision,
        chosen_service,
        reason_code,
        decided_by,
        decided_date,
        case
            when chosen_service in ('1', '2', '3')
                then service_ids[cast(chosen_service as integer)]
            when chosen_service is null and decision = 'accept' then service_ids[1]
        end as suggested_service_id,
        row_number() over (
            partition by need_id
            order by
                decided_date asc,
                told_at asc,
                release_id asc,
                decided_by collate "C" asc
        ) as turn_number

    from decisions

    where outcome = 'counts'

),

own_decisions as (

    select
        counted_decisions.need_id,
        counted_decisions.release_id,
        counted_decisions.student_source_id,
        counted_decisions.rule_id,
        counted_decisions.domain,
        counted_decisions.decision,
        counted_decisions.reason_code,
        counted_decisions.decided_by,
        counted_decisions.decided_date,
        counted_decisions.turn_number,
        coalesce(
            counted_decisions.suggested_service_id,
            services.service_id,
            named_services.service_id
        ) as service_id

    from counted_decisions

    left join services
        on counted_decisions.chosen_service = services.service_id

    left join named_services
        on lower(counted_decisions.chosen_service) = named_services.service_name

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
        state_order

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
        running.referral_id as told_referral_id,
        running.state_order as told_state_order,
        coalesce(ended.closed_count, 0)
        + count(*) filter (
            where own_decisions.decision = 'family_declined'
        ) over earlier_decisions
        + count(*) filter (
            where own_decisions.decision = 'choose_another'
        ) over until_here as begun_count,
        coalesce(
            bool_or(
                own_decisions.decision = 'choose_another'
                and running.service_id is distinct from own_decisions.service_id
            ) over until_here,
            false
        ) as is_own_referral

    from own_decisions

    left join running
        on
            own_decisions.need_id = running.need_id
            and own_decisions.turn_number = running.turn_number

    left join ended
        on
            own_decisions.need_id = ended.need_id
            and own_decisions.turn_number = ended.turn_number

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
