with

decisions as (

    select * from {{ ref('stg_decisions__decisions') }}

),

decision_steps as (

    select * from {{ ref('decision_steps') }}

),

releases as (

    select * from {{ ref('stg_ops__releases') }}

),

service_events as (

    select * from {{ ref('stg_service_events__events') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

-- A contact moves nothing: it is a step without a state.
decision_kinds as (

    select
        decision,
        bool_or(is_fact) as is_fact,
        bool_or(event_type = 'state') as is_moving

    from decision_steps

    group by decision

),

dated_decisions as (

    select
        decisions.need_id,
        decisions.release_id,
        decisions.student_source_id,
        decisions.rule_id,
        decisions.domain,
        decisions.service_ids,
        decisions.decision,
        decisions.chosen_service,
        decisions.reason_code,
        decisions.decided_by,
        decision_kinds.is_fact,
        decision_kinds.is_moving,
        decisions.decided_date,
        decisions.told_at,
        releases.as_of_date as list_date

    from decisions

    inner join decision_kinds
        on decisions.decision = decision_kinds.decision

    inner join run_dates
        on decisions.decided_date <= run_dates.as_of_date

    left join releases
        on decisions.release_id = releases.release_id

),

-- What somebody else did between the list and the decision was not on that list.
overtaken_decisions as (

    select distinct
        dated_decisions.need_id,
        dated_decisions.release_id,
        dated_decisions.decided_by

    from dated_decisions

    inner join service_events
        on
            dated_decisions.student_source_id = service_events.student_source_id
            and dated_decisions.rule_id = service_events.rule_id
            and dated_decisions.list_date < service_events.event_date
            and dated_decisions.decided_date >= service_events.event_date

    where service_events.event_type = 'state'

),

-- Nor was what a decision on a newer list had moved by then. A number that no list here
-- has, as of before a backup was restored, does not say which is newer.
outdated_decisions as (

    select distinct
        dated_decisions.need_id,
        dated_decisions.release_id,
        dated_decisions.decided_by

    from dated_decisions

    inner join dated_decisions as newer_decisions
        on
            dated_decisions.need_id = newer_decisions.need_id
            and dated_decisions.release_id < newer_decisions.release_id
            and dated_decisions.decided_date >= newer_decisions.decided_date

    where
        newer_decisions.is_moving
        and newer_decisions.list_date is not null

),

final as (

    select
        dated_decisions.need_id,
        dated_decisions.release_id,
        dated_decisions.student_source_id,
        dated_decisions.rule_id,
        dated_decisions.domain,
        dated_decisions.service_ids,
        dated_decisions.decision,
        dated_decisions.chosen_service,
        dated_decisions.reason_code,
        dated_decisions.decided_by,
        dated_decisions.is_fact,
        dated_decisions.decided_date,
        dated_decisions.told_at,
        dated_decisions.list_date,
        not dated_decisions.is_fact
        and (
            overtaken_decisions.need_id is not null
            or outdated_decisions.need_id is not null
        ) as is_stale

    from dated_decisions

    left join overtaken_decisions
        on
            dated_decisions.need_id = overtaken_decisions.need_id
            and dated_decisions.release_id = overtaken_decisions.release_id
            and dated_decisions.decided_by = overtaken_decisions.decided_by

    left join outdated_decisions
        on
            dated_decisions.need_id = outdated_decisions.need_id
            and dated_decisions.release_id = outdated_decisions.release_id
            and dated_decisions.decided_by = outdated_decisions.decided_by

)

select * from final
