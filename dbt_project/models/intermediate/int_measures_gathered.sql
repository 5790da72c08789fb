with

placed_students as (

    select * from {{ ref('int_students_placed') }}

),

attendance as (

    select * from {{ ref('fct_attendance_to_date') }}

),

by_school as (

    select * from {{ ref('int_attendance_by_school_summed') }}

),

marks as (

    select * from {{ ref('int_marks_summed') }}

),

mark_changes as (

    select * from {{ ref('int_mark_changes_measured') }}

),

incidents as (

    select * from {{ ref('int_incidents_summed') }}

),

suspensions as (

    select * from {{ ref('int_suspension_events_counted') }}

),

school_changes as (

    select * from {{ ref('int_school_changes_counted') }}

),

feeds as (

    select * from {{ ref('int_feeds_dated') }}

),

settings as (

    select * from {{ ref('int_settings_pivoted') }}

),

discipline_feeds as (

    select *

    from feeds

    where feed = 'discipline'

),

final as (

    select
        placed_students.student_key,
        placed_students.school_key,
        marks.best_class_title,
        marks.failing_class_titles,
        by_school.recent_days_enrolled,
        by_school.recent_days_absent,
        by_school.days_present_in_a_row,
        by_school.days_enrolled as days_enrolled_at_school,
        by_school.days_tardy as days_tardy_at_school,
        marks.course_count,
        marks.failing_course_count,
        marks.points_earned,
        marks.points_possible,
        marks.best_points_earned,
        marks.best_points_possible,
        mark_changes.changed_points,
        settings.incident_recent_days,
        school_changes.school_change_count,
        by_school.data_through_date as attendance_through_date,
        discipline_feeds.data_through_date as discipline_through_date,
        case when attendance.has_sufficient_days then attendance.days_enrolled end
            as days_enrolled,
        case when attendance.has_sufficient_days then attendance.days_absent end
            as days_absent,
        -- No incident is a fact only where the feed has ever come.
        case
            when discipline_feeds.feed is not null
                then coalesce(incidents.incident_count, 0)
        end as incident_count,
        case
            when discipline_feeds.feed is not null
                then coalesce(incidents.recent_incident_count, 0)
        end as recent_incident_count,
        case
            when discipline_feeds.feed is not null
                then coalesce(suspensions.oss_event_count, 0)
        end as oss_event_count

    from placed_students

    cross join settings

    left join discipline_feeds on true

    left join attendance
        on
            placed_students.student_key = attendance.student_key
            and settings.list_attendance_scope = attendance.scope
            and (
                attendance.scope = 'district'
                or placed_students.school_key = attendance.school_key
            )

    left join by_school
        on
            placed_students.student_key = by_school.student_key
            and placed_students.school_key = by_school.school_key

    left join marks
        on placed_students.student_key = marks.student_key

    left join mark_changes
        on placed_students.student_key = mark_changes.student_key

    left join incidents
        on placed_students.student_key = incidents.student_key

    left join suspensions
        on placed_students.student_key = suspensions.student_key

    left join school_changes
        on placed_students.student_key = school_changes.student_key

)

select * from final
