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
        event_sequence,
        event_date

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
        event_sequence,
        event_date

    from decision_events

)

select * from final
