with

stays as (

    select * from {{ ref('int_stay_days_numbered') }}

),

school_days as (

    select * from {{ ref('int_instructional_days_resolved') }}

),

exceptions as (

    select * from {{ ref('int_attendance_exceptions_placed') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

final as (

    select
        stays.student_key,
        stays.school_key,
        school_days.school_day_number,
        run_dates.school_year,
        exceptions.absence_kind,
        school_days.school_day_date as attendance_date,
        coalesce(exceptions.is_absent, false) as is_absent,
        coalesce(exceptions.is_tardy, false) as is_tardy,
        coalesce(exceptions.is_known, true) as is_known

    from stays

    inner join school_days
        on
            stays.school_key = school_days.school_key
            and stays.first_day_number <= school_days.school_day_number
            and stays.last_day_number >= school_days.school_day_number

    cross join run_dates

    left join exceptions
        on
            stays.student_key = exceptions.student_key
            and stays.school_key = exceptions.school_key
            and school_days.school_day_number = exceptions.school_day_number

)

select * from final
