with

decided_events as (

    select * from {{ ref('int_attendance_events_decided') }}

),

spells as (

    select * from {{ ref('int_enrollment_spells_united') }}

),

school_days as (

    select * from {{ ref('int_instructional_days_resolved') }}

),

-- The stays of a student at a school do not overlap: no event is met twice. A subquery
-- under `or` would be asked once for every event.
final as (

    select
        decided_events.student_key,
        decided_events.school_key,
        decided_events.event_date,
        case
            when school_days.school_key is null then 'day_without_school'
            else 'student_not_enrolled'
        end as rule_id

    from decided_events

    left join school_days
        on
            decided_events.school_key = school_days.school_key
            and decided_events.event_date = school_days.school_day_date

    left join spells
        on
            decided_events.student_key = spells.student_key
            and decided_events.school_key = spells.school_key
            and decided_events.event_date >= spells.from_date
            and decided_events.event_date < spells.to_date

    where
        school_days.school_key is null
        or spells.student_key is null

)

select * from final
