with

attendance as (

    select * from {{ ref('fct_attendance_to_date') }}

),

suspensions as (

    select * from {{ ref('int_suspension_events_listed') }}

),

spells as (

    select * from {{ ref('int_enrollment_spells_united') }}

),

settings as (

    select * from {{ ref('int_settings_pivoted') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

-- A leaver counts by what held on the last day of the stay.
last_days as (

    select
        spells.student_key,
        spells.school_key,
        least(max(spells.to_date) - 1, run_dates.as_of_date) as metric_date

    from spells

    inner join run_dates
        on spells.from_date <= run_dates.as_of_date

    group by
        spells.student_key,
        spells.school_key,
        run_dates.as_of_date

),

stays as (

    select
        attendance.student_key,
        attendance.school_key,
        attendance.scope as metric_scope,
        cast(attendance.is_chronically_absent as integer) as is_chronic,
        max(last_days.metric_date) as metric_date

    from attendance

    inner join last_days
        on
            attendance.student_key = last_days.student_key
            and (
                attendance.scope = 'district'
                or attendance.school_key = last_days.school_key
            )

    group by
        attendance.student_key,
        attendance.school_key,
        attendance.scope,
        attendance.is_chronically_absent

),

-- By school a child counts at each; in the district as the preset in force says.
chronic_facts as (

    select
        student_key,
        school_key,
        metric_date,
        is_chronic as numerator
    from stays
    where
        metric_scope = 'school'
        and is_chronic is not null
    union all
    select
        stays.student_key,
        cast(null as integer) as school_key,
        stays.metric_date,
        stays.is_chronic as numerator
    from stays
    inner join settings
        on stays.metric_scope = settings.chronic_scope
    where stays.is_chronic is not null

),

-- Everybody who was enrolled this year, and beside them the events, each with the
-- groups of its own day.
suspension_facts as (

    select
        student_key,
        school_key,
        metric_date,
        0 as numerator,
        1 as denominator
    from stays
    union all
    select
        stays.student_key,
        stays.school_key,
        suspensions.discipline_date as metric_date,
        1 as numerator,
        0 as denominator
    from stays
    inner join suspensions
        on
            stays.student_key = suspensions.student_key
            and (
                stays.metric_scope = 'district'
                or stays.school_key = suspensions.school_key
            )

),

final as (

    select
        'chronic_absenteeism' as metric_id,
        student_key,
        school_key,
        metric_date,
        numerator,
        1 as denominator
    from chronic_facts
    union all
    select
        'oss_events' as metric_id,
        student_key,
        school_key,
        metric_date,
        numerator,
        denominator
    from suspension_facts

)

select * from final
