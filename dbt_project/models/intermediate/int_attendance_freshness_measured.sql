with

school_days as (

    select * from {{ ref('int_instructional_days_resolved') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

final as (

    select
        school_days.school_key,
        max(school_days.last_submitted_date) as last_submitted_date,
        bool_and(school_days.has_calendar) as has_calendar,
        count(*) filter (where school_days.is_submitted) as submitted_day_count,
        count(*) filter (where not school_days.is_submitted) as days_behind

    from school_days

    inner join run_dates
        on school_days.school_day_date <= run_dates.as_of_date

    group by school_days.school_key

)

select * from final
