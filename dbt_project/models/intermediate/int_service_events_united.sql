with

service_events as (

    select * from {{ ref('stg_service_events__events') }}

),

decision_events as (

    select * from {{ ref('int_decision_events_made') }}

),

final as (

    select
        event_id,
        referral_id,
        student_source_id,
        service_id,
        rule_id,
        domain,
        event_type,
        referral_state,
        reason,
        event_sequence,
        attended_minutes,
        event_date,
        false as is_decided

    from service_events

    union all

    select
        event_id,
        referral_id,
        student_source_id,
        service_id,
        rule_id,
        domain,
        event_type,
        referral_state,
        reason,
        event_sequence,
        cast(null as integer) as attended_minutes,
        event_date,
        true as is_decided

    from decision_events

)

select * from final
