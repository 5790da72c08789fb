with

attendance as (

    select * from {{ ref('fct_attendance_to_date') }}

),

suspensions as (

    select * from {{ ref('int_suspension_events_listed') }}

),

assessments as (

    select * from {{ ref('int_assessments_latest') }}

),

success_plans as (

    select * from {{ ref('fct_success_plans') }}

),

placed_students as (

    select * from {{ ref('int_students_placed') }}

),

settings as (

    select * from {{ ref('int_settings_pivoted') }}

),

-- By school a child counts at each; in the district as the preset in force says.
chronic_absence as (

    select
        attendance.student_key,
        attendance.school_key,
        attendance.scope as metric_scope,
        cast(attendance.is_chronically_absent as integer) as numerator

    from attendance

    where attendance.is_chronically_absent is not null

),

chronic_facts as (

    select
        student_key,
        school_key,
        numerator
    from chronic_absence
    where metric_scope = 'school'
    union all
    select
        chronic_absence.student_key,
        cast(null as integer) as school_key,
        chronic_absence.numerator
    from chronic_absence
    inner join settings
        on chronic_absence.metric_scope = settings.chronic_scope

),

suspension_counts as (

    select
        student_key,
        school_key,
        count(*) as event_count

    from suspensions

    group by
        student_key,
        school_key

),

-- Events where they happened, of everybody who was enrolled this year.
suspension_facts as (

    select
        attendance.student_key,
        attendance.school_key,
        sum(coalesce(suspension_counts.event_count, 0)) as numerator

    from attendance

    left join suspension_counts
        on
            attendance.student_key = suspension_counts.student_key
            and (
                attendance.scope = 'district'
                or attendance.school_key = suspension_counts.school_key
            )

    group by
        attendance.student_key,
        attendance.school_key,
        attendance.scope

),

reading_facts as (

    select
        placed_students.student_key,
        placed_students.school_key,
        cast(
            assessments.level_rank >= settings.proficient_level_rank as integer
        ) as numerator

    from placed_students

    inner join assessments
        on
            placed_students.student_key = assessments.student_key
            and assessments.assessment_area = 'reading'

    cross join settings

    where placed_students.grade_level = '03'

),

plan_facts as (

    select
        student_key,
        school_key,
        cast(has_plan and has_caring_adult_at_school as integer) as numerator

    from success_plans

    where is_known

),

-- A child at two schools is one child of the district.
placed_facts as (

    select
        'grade_3_reading' as metric_id,
        student_key,
        school_key,
        numerator
    from reading_facts
    union all
    select
        'success_plan_and_adult' as metric_id,
        student_key,
        school_key,
        numerator
    from plan_facts

),

final as (

    select
        'chronic_absenteeism' as metric_id,
        student_key,
        school_key,
        numerator
    from chronic_facts
    union all
    select
        'oss_events' as metric_id,
        student_key,
        school_key,
        numerator
    from suspension_facts
    union all
    select
        metric_id,
        student_key,
        school_key,
        numerator
    from placed_facts
    union all
    select
        metric_id,
        student_key,
        cast(null as integer) as school_key,
        max(numerator) as numerator
    from placed_facts
    group by
        metric_id,
        student_key

)

select * from final
