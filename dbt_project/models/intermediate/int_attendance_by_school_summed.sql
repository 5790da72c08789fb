with

attendance_days as (

    select * from {{ ref('fct_attendance_days') }}

),

school_days as (

    select * from {{ ref('int_instructional_days_resolved') }}
    where is_submitted

),

settings as (

    select * from {{ ref('int_settings_pivoted') }}

),

recent_windows as (

    select
        school_days.school_key,
        max(school_days.school_day_number) - max(settings.recent_days)
            as before_recent_number

    from school_days

    cross join settings

    group by school_days.school_key

),

-- The school's window is looked up once per school, not joined to each day.
sums as (

    select
        attendance_days.student_key,
        attendance_days.school_key,
        count(*) filter (where attendance_days.is_known) as days_enrolled,
        count(*) filter (where attendance_days.is_absent) as days_absent,
        count(*) filter (where attendance_days.absence_kind = 'excused')
            as days_absent_excused,
        count(*) filter (where attendance_days.absence_kind = 'unexcused')
            as days_absent_unexcused,
        count(*) filter (where attendance_days.absence_kind = 'suspension')
            as days_absent_suspension,
        count(*) filter (where attendance_days.is_tardy) as days_tardy,
        count(*) filter (where not attendance_days.is_known) as days_unknown,
        count(*) filter (
            where
            attendance_days.is_known
            and attendance_days.school_day_number > recent_windows.before_recent_number
        ) as recent_days_enrolled,
        count(*) filter (
            where
            attendance_days.is_absent
            and attendance_days.school_day_number > recent_windows.before_recent_number
        ) as recent_days_absent,
        min(attendance_days.school_day_number) as first_day_number,
        max(attendance_days.school_day_number) as last_day_number,
        max(attendance_days.school_day_number) filter (
            where attendance_days.is_absent or not attendance_days.is_known
        ) as last_missed_number,
        max(attendance_days.attendance_date) as data_through_date

    from attendance_days

    inner join recent_windows
        on attendance_days.school_key = recent_windows.school_key

    group by
        attendance_days.student_key,
        attendance_days.school_key

),

final as (

    select
        student_key,
        school_key,
        days_enrolled,
        days_absent,
        days_absent_excused,
        days_absent_unexcused,
        days_absent_suspension,
        days_tardy,
        days_unknown,
        recent_days_enrolled,
        recent_days_absent,
        data_through_date,
        last_day_number - coalesce(last_missed_number, first_day_number - 1)
            as days_present_in_a_row

    from sums

)

select * from final
