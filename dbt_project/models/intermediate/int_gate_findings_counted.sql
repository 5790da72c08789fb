with

placed_students as (

    select * from {{ ref('int_students_placed') }}

),

spells as (

    select * from {{ ref('int_enrollment_spells_united') }}

),

suspension_days as (

    select * from {{ ref('int_suspension_days_expanded') }}

),

absence_events as (

    select * from {{ ref('int_attendance_events_decided') }}

),

school_days as (

    select * from {{ ref('int_instructional_days_resolved') }}

),

attendance_findings as (

    select * from {{ ref('int_attendance_findings_counted') }}

),

releases as (

    select * from {{ ref('int_releases_live') }}

),

schools as (

    select * from {{ ref('int_schools_identified') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

-- A suspension out of school that the school's own attendance does not show. It is
-- counted, not sieved: of a sieve one row is expected, to be sought among all days.
suspension_counts as (

    select
        suspension_days.school_key,
        count(*) filter (where absence_events.student_key is null)
            as suspension_days_without_absence

    from suspension_days

    inner join spells
        on
            suspension_days.student_key = spells.student_key
            and suspension_days.school_key = spells.school_key
            and suspension_days.suspension_date >= spells.from_date
            and suspension_days.suspension_date < spells.to_date

    inner join school_days
        on
            suspension_days.school_key = school_days.school_key
            and suspension_days.suspension_date = school_days.school_day_date
            and school_days.is_submitted

    left join absence_events
        on
            suspension_days.student_key = absence_events.student_key
            and suspension_days.school_key = absence_events.school_key
            and suspension_days.suspension_date = absence_events.event_date
            and absence_events.is_absent

    group by suspension_days.school_key

),

school_counts as (

    select
        student_key,
        count(*) as school_count

    from placed_students

    group by student_key

),

double_counts as (

    select
        placed_students.school_key,
        count(*) as students_on_two_lists

    from placed_students

    inner join school_counts
        on placed_students.student_key = school_counts.student_key

    where school_counts.school_count > 1

    group by placed_students.school_key

),

final as (

    select
        schools.school_key,
        coalesce(suspension_counts.suspension_days_without_absence, 0)
            as suspension_days_without_absence,
        coalesce(double_counts.students_on_two_lists, 0) as students_on_two_lists,
        coalesce(attendance_findings.events_off_calendar, 0) as events_off_calendar,
        coalesce(attendance_findings.unmapped_codes, 0) as unmapped_codes,
        coalesce(attendance_findings.events_ahead, 0) as events_ahead,
        coalesce(attendance_findings.days_not_enrolled, 0) as days_not_enrolled,
        coalesce(attendance_findings.rows_read, 0) as attendance_rows_read,
        coalesce(attendance_findings.rows_set_aside, 0) as attendance_rows_set_aside,
        coalesce(attendance_findings.section_days, 0) as section_days,
        coalesce(attendance_findings.section_days_unmeasured, 0)
            as section_days_unmeasured,
        coalesce(releases.student_count, 0) as previous_students,
        school_days.school_key is not null as is_as_of_instructional

    from schools

    cross join run_dates

    left join school_days
        on
            schools.school_key = school_days.school_key
            and run_dates.as_of_date = school_days.school_day_date

    left join suspension_counts
        on schools.school_key = suspension_counts.school_key

    left join attendance_findings
        on schools.school_key = attendance_findings.school_key

    left join releases
        on schools.school_key = releases.school_key

    left join double_counts
        on schools.school_key = double_counts.school_key

)

select * from final
