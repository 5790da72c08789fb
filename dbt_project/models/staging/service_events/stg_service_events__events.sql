with

source as (

    select * from {{ source('raw', 'service_events__events') }}

),

final as (

    select
        event_id,
        referral_id,
        _student_source_id as student_source_id,
        _school_source_id as school_source_id,
        service_id,
        rule_id,
        domain,
        event_type,
        state as referral_state,
        reason,
        sequence as event_sequence,
        minutes as attended_minutes,
        event_date

    from source

    where
        _deleted_at is null
        and {{ is_told_of_child('_student_source_id', day='event_date') }}

)

select * from final
