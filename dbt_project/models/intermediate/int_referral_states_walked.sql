with recursive

service_events as (

    select * from {{ ref('int_service_events_united') }}

),

students as (

    select * from {{ ref('int_students_identified') }}

),

transitions as (

    select * from {{ ref('referral_transitions') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

state_events as (

    select
        service_events.event_id,
        students.student_key,
        service_events.referral_id,
        service_events.service_id,
        service_events.referral_state,
        service_events.reason,
        service_events.event_date,
        coalesce(service_events.event_sequence, 0) as event_sequence

    from service_events

    inner join students
        on service_events.student_source_id = students.student_source_id

    inner join run_dates
        on service_events.event_date <= run_dates.as_of_date

    where service_events.event_type = 'state'

),

-- By day, then by the sender's sequence: an event that comes late takes its place.
numbered_events as (

    select
        event_id,
        student_key,
        referral_id,
        service_id,
        referral_state,
        reason,
        event_date,
        row_number() over (
            partition by student_key, referral_id
            order by event_date asc, event_sequence asc, event_id collate "C" asc
        ) as event_number

    from state_events

),

-- One step for each event of the longest referral, all referrals at once. An event that
-- may not follow leaves the state as it is.
walked as (

    select
        numbered_events.student_key,
        numbered_events.referral_id,
        cast(0 as bigint) as event_number,
        cast(null as text) as event_id,
        'none' as state_before,
        'none' as state_after,
        'start' as verdict

    from numbered_events

    where numbered_events.event_number = 1

    union all

    select
        walked.student_key,
        walked.referral_id,
        numbered_events.event_number,
        numbered_events.event_id,
        walked.state_after as state_before,
        case
            when transitions.to_state is null then walked.state_after
            else numbered_events.referral_state
        end as state_after,
        case
            when transitions.to_state is not null then 'counted'
            when numbered_events.referral_state = walked.state_after then 'repeated'
            else 'illegal_transition'
        end as verdict

    from walked

    inner join numbered_events
        on
            walked.student_key = numbered_events.student_key
            and walked.referral_id = numbered_events.referral_id
            and walked.event_number + 1 = numbered_events.event_number

    left join transitions
        on
            walked.state_after = transitions.from_state
            and numbered_events.referral_state = transitions.to_state

),

final as (

    select
        numbered_events.event_id,
        numbered_events.student_key,
        numbered_events.referral_id,
        numbered_events.service_id,
        numbered_events.event_number,
        walked.state_before,
        numbered_events.referral_state,
        walked.state_after,
        numbered_events.reason,
        walked.verdict,
        numbered_events.event_date

    from numbered_events

    inner join walked
        on numbered_events.event_id = walked.event_id

)

select * from final
