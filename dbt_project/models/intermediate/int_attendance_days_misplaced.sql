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

    where
        school_days.school_key is null
        or not exists (
            select 1 from spells
            where
                spells.student_key = decided_events.student_key
                and spells.school_key = decided_events.school_key
                and spells.from_date <= decided_events.event_date
                and spells.to_date > decided_events.event_date
        )

)

select * from final
