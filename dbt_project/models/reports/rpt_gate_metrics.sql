with

schools as (

    select * from {{ ref('dim_schools') }}

),

roster_counts as (

    select * from {{ ref('int_roster_counted') }}

),

students as (

    select * from {{ ref('rpt_students') }}

),

profiles as (

    select * from {{ ref('rpt_need_profiles') }}

),

queue as (

    select * from {{ ref('rpt_referral_queue') }}

),

domains as (

    select * from {{ ref('domains') }}

),

findings as (

    select * from {{ ref('int_gate_findings_counted') }}

),

referral_findings as (

    select * from {{ ref('int_referral_findings_counted') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

domain_counts as (

    select count(*) as domain_count from domains

),

student_counts as (

    select
        school_key,
        count(*) as student_rows,
        count(distinct student_source_id) as students_listed,
        count(distinct student_source_id) filter (where is_in_question)
            as students_in_question

    from students

    group by school_key

),

profile_students as (

    select
        school_key,
        student_key,
        count(*) as profile_rows,
        bool_and(level = 'not_known') as is_not_known

    from profiles

    group by
        school_key,
        student_key

),

profile_counts as (

    select
        school_key,
        sum(profile_rows) as profile_rows,
        count(*) filter (where is_not_known) as students_not_known

    from profile_students

    group by school_key

),

queue_counts as (

    select
        school_key,
        count(*) as queue_rows

    from queue

    group by school_key

),

final as (

    select
        schools.school_key,
        schools.school_source_id,
        run_dates.as_of_date,
        cast(coalesce(roster_counts.active_student_count, 0) as integer)
            as active_students,
        cast(coalesce(student_counts.students_listed, 0) as integer)
            as students_listed,
        cast(
            coalesce(roster_counts.active_student_count, 0) * domain_counts.domain_count
            - coalesce(profile_counts.profile_rows, 0)
            as integer
        ) as profile_rows_missing,
        cast(coalesce(queue_counts.queue_rows, 0) as integer) as queue_rows,
        cast(
            coalesce(student_counts.student_rows, 0)
            - coalesce(student_counts.students_listed, 0)
            as integer
        ) as duplicate_students,
        cast(coalesce(profile_counts.students_not_known, 0) as integer)
            as students_not_known_all_domains,
        cast(schools.days_behind as integer) as attendance_days_behind,
        cast(findings.events_off_calendar as integer) as events_off_calendar,
        cast(findings.events_ahead as integer) as events_ahead,
        cast(findings.days_not_enrolled as integer) as days_not_enrolled,
        cast(findings.previous_students as integer) as previous_students,
        cast(findings.unmapped_codes as integer) as unmapped_codes,
        cast(findings.attendance_rows_read as integer) as attendance_rows_read,
        cast(findings.attendance_rows_set_aside as integer)
            as attendance_rows_set_aside,
        cast(findings.section_days as integer) as section_days,
        cast(findings.section_days_unmeasured as integer) as section_days_unmeasured,
        cast(coalesce(referral_findings.services_inactive_offered, 0) as integer)
            as services_inactive_offered,
        cast(coalesce(referral_findings.service_events_set_apart, 0) as integer)
            as service_events_set_apart,
        cast(findings.suspension_days_without_absence as integer)
            as suspension_days_without_absence,
        cast(findings.students_on_two_lists as integer) as students_on_two_lists,
        cast(coalesce(student_counts.students_in_question, 0) as integer)
            as students_in_question,
        findings.is_as_of_instructional

    from schools

    inner join findings
        on schools.school_key = findings.school_key

    cross join run_dates

    cross join domain_counts

    left join roster_counts
        on schools.school_source_id = roster_counts.school_source_id

    left join student_counts
        on schools.school_key = student_counts.school_key

    left join profile_counts
        on schools.school_key = profile_counts.school_key

    left join queue_counts
        on schools.school_key = queue_counts.school_key

    left join referral_findings
        on schools.school_key = referral_findings.school_key

)

select * from final
