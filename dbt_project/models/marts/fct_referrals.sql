with

service_events as (

    select * from {{ ref('int_service_events_united') }}

),

walked_states as (

    select * from {{ ref('int_referral_states_walked') }}

),

students as (

    select * from {{ ref('int_students_identified') }}

),

referral_states as (

    select * from {{ ref('referral_states') }}

),

services as (

    select * from {{ ref('dim_services') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

events as (

    select
        students.student_key,
        service_events.event_id,
        service_events.referral_id,
        service_events.service_id,
        service_events.rule_id,
        service_events.domain,
        service_events.event_type,
        service_events.is_decided,
        service_events.attended_minutes,
        service_events.reason as state_reason,
        service_events.event_date,
        walked_states.event_number,
        case
            when walked_states.verdict = 'counted' then service_events.referral_state
        end
            as referral_state

    from service_events

    inner join students
        on service_events.student_source_id = students.student_source_id

    inner join run_dates
        on service_events.event_date <= run_dates.as_of_date

    left join walked_states
        on service_events.event_id = walked_states.event_id

),

-- The last state that could follow the one before it counts.
last_states as (

    select distinct on (student_key, referral_id)
        student_key,
        referral_id,
        referral_state,
        state_reason,
        event_date as state_date

    from events

    where referral_state is not null

    order by
        student_key asc,
        referral_id asc,
        event_number desc

),

referral_facts as (

    select
        student_key,
        referral_id,
        max(service_id) as service_id,
        max(rule_id) as rule_id,
        max(domain) as domain,
        bool_or(is_decided) as is_decided,
        count(*) filter (where event_type = 'attendance') as attended_count,
        sum(attended_minutes) filter (where event_type = 'attendance')
            as attended_minutes,
        min(event_date) as first_event_date,
        min(event_date) filter (where referral_state = 'requested') as requested_date,
        min(event_date) filter (where referral_state in ('accepted', 'rejected'))
            as answered_date,
        min(event_date) filter (where referral_state = 'accepted') as accepted_date,
        min(event_date) filter (
            where event_type = 'attendance' or referral_state = 'in-progress'
        ) as began_date,
        max(event_date) filter (where event_type in ('contact', 'attendance'))
            as last_contact_date

    from events

    group by
        student_key,
        referral_id

),

final as (

    select
        referral_facts.student_key,
        referral_facts.referral_id,
        referral_facts.service_id,
        referral_facts.rule_id,
        referral_facts.domain,
        referral_states.referral_state,
        last_states.state_reason,
        services.service_name,
        services.organization_id,
        services.organization_name,
        referral_facts.attended_count,
        referral_states.is_open,
        referral_states.is_counted_active,
        referral_states.is_counted_waiting,
        referral_facts.first_event_date,
        referral_facts.requested_date,
        referral_facts.answered_date,
        referral_facts.accepted_date,
        referral_facts.began_date,
        referral_facts.last_contact_date,
        last_states.state_date,
        coalesce(referral_facts.attended_minutes, 0) as attended_minutes

    from referral_facts

    -- What was decided on a list and only had contacts is new still.
    left join last_states
        on
            referral_facts.student_key = last_states.student_key
            and referral_facts.referral_id = last_states.referral_id

    -- What was entered in error never was: its state is not in the seed.
    inner join referral_states
        on
            coalesce(last_states.referral_state, 'new')
            = referral_states.referral_state

    left join services
        on referral_facts.service_id = services.service_id

    where last_states.referral_state is not null or referral_facts.is_decided

)

select * from final
