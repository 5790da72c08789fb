with

section_events as (

    select * from {{ ref('stg_attendance__section_events') }}

),

enrollments as (

    select * from {{ ref('stg_roster__enrollments') }}
    where enrollment_role = 'student'

),

classes as (

    select * from {{ ref('stg_roster__classes') }}
    where class_type is distinct from 'homeroom'

),

class_windows as (

    select * from {{ ref('int_class_windows_resolved') }}

),

-- Distinct, because a student has several periods a day.
section_days as (

    select distinct
        student_source_id,
        school_source_id,
        event_date

    from section_events

),

final as (

    select
        section_days.student_source_id,
        section_days.school_source_id,
        section_days.event_date,
        -- Distinct, because a student may have two enrollments in a class.
        count(distinct classes.class_source_id) as period_count

    from section_days

    inner join enrollments
        on
            section_days.student_source_id = enrollments.user_source_id
            and section_days.school_source_id = enrollments.school_source_id

    inner join classes
        on enrollments.class_source_id = classes.class_source_id

    left join class_windows
        on classes.class_source_id = class_windows.class_source_id

    where
        coalesce(
            enrollments.begin_date <= section_days.event_date,
            class_windows.from_date <= section_days.event_date,
            true
        )
        and coalesce(
            enrollments.end_date > section_days.event_date,
            class_windows.to_date > section_days.event_date,
            true
        )

    group by
        section_days.student_source_id,
        section_days.school_source_id,
        section_days.event_date

)

select * from final
