with

schools as (

    select * from {{ ref('int_schools_identified') }}

),

freshness as (

    select * from {{ ref('int_attendance_freshness_measured') }}

),

school_support_levels as (

    select * from {{ ref('school_support_levels') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

support_levels as (

    select
        school_support_levels.school_source_id,
        school_support_levels.support_level

    from school_support_levels

    inner join run_dates
        on
            school_support_levels.from_date <= run_dates.as_of_date
            and coalesce(school_support_levels.to_date > run_dates.as_of_date, true)

),

final as (

    select
        schools.school_key,
        schools.school_source_id,
        schools.school_name,
        schools.org_type,
        schools.attendance_mode,
        support_levels.support_level,
        freshness.last_submitted_date,
        coalesce(freshness.submitted_day_count, 0) as submitted_day_count,
        coalesce(freshness.days_behind, 0) as days_behind,
        coalesce(freshness.has_calendar, false) as has_calendar

    from schools

    left join freshness
        on schools.school_key = freshness.school_key

    left join support_levels
        on schools.school_source_id = support_levels.school_source_id

)

select * from final
