with

schools as (

    select * from {{ ref('int_schools_identified') }}

),

freshness as (

    select * from {{ ref('int_attendance_freshness_measured') }}

),

final as (

    select
        schools.school_key,
        schools.school_source_id,
        schools.school_name,
        schools.org_type,
        schools.attendance_mode,
        freshness.last_submitted_date,
        coalesce(freshness.submitted_day_count, 0) as submitted_day_count,
        coalesce(freshness.days_behind, 0) as days_behind,
        coalesce(freshness.has_calendar, false) as has_calendar

    from schools

    left join freshness
        on schools.school_key = freshness.school_key

)

select * from final
