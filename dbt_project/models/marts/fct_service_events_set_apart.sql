with

service_events as (

    select * from {{ ref('stg_service_events__events') }}

),

students as (

    select * from {{ ref('int_students_identified') }}

),

walked_states as (

    select * from {{ ref('int_referral_states_walked') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

-- Distinct, because a referral has several states.
known_referrals as (

    select distinct
        student_key,
        referral_id

    from walked_states

    where verdict = 'counted'

),

events as (

    select
        service_events.event_id,
        students.student_key,
        service_events.school_source_id,
        service_events.referral_id,
        service_events.event_type,
        service_events.referral_state,
        walked_states.state_before,
        service_events.event_date,
        case
            when known_referrals.referral_id is null then 'referral_unknown'
            when walked_states.verdict = 'illegal_transition' then 'illegal_transition'
        end as set_apart_reason

    from service_events

    inner join students
        on service_events.student_source_id = students.student_source_id

    inner join run_dates
        on service_events.event_date <= run_dates.as_of_date

    left join walked_states
        on service_events.event_id = walked_states.event_id

    left join known_referrals
        on
            students.student_key = known_referrals.student_key
            and service_events.referral_id = known_referrals.referral_id

),

final as (

    select
        event_id,
        student_key,
        school_source_id,
        referral_id,
        event_type,
        referral_state,
        state_before,
        set_apart_reason,
        event_date

    from events

    where set_apart_reason is not null

)

select * from final
