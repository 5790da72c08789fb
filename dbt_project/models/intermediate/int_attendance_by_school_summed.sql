with

stays as (

    select * from {{ ref('int_stay_days_numbered') }}

),

exceptions as (

    select * from {{ ref('int_attendance_exceptions_placed') }}

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

exception_sums as (

    select
        exceptions.student_key,
        exceptions.school_key,
        count(*) filter (where exceptions.is_absent) as days_absent,
        count(*) filter (where exceptions.absence_kind = 'excused')
            as days_absent_excused,
        count(*) filter (where exceptions.absence_kind = 'unexcused')
            as days_absent_unexcused,
        count(*) filter (where exceptions.absence_kind = 'suspension')
            as days_absent_suspension,
        count(*) filter (where exceptions.is_tardy) as days_tardy,
        count(*) filter (where not exceptions.is_known) as days_unknown,
        count(*) filter (
            where
            exceptions.is_absent
            and exceptions.school_day_number > recent_windows.before_recent_number
        ) as recent_days_absent,
        count(*) filter (
            where
            not exceptions.is_known
            and exceptions.school_day_number > recent_windows.before_recent_number
        ) as recent_days_unknown,
        max(exceptions.school_day_number) filter (
            where exceptions.is_absent or not exceptions.is_known
        ) as last_missed_number

    from exceptions

    inner join recent_windows
        on exceptions.school_key = recent_windows.school_key

    group by
        exceptions.student_key,
        exceptions.school_key

),

-- The days of a stay are counted by the numbers of its ends. Days between two stays are
-- none of them.
stay_sums as (

    select
        stays.student_key,
        stays.school_key,
        sum(stays.last_day_number - stays.first_day_number + 1) as day_count,
        sum(
            greatest(
                stays.last_day_number - greatest(
                    stays.first_day_number - 1, recent_windows.before_recent_number
                ),
                0
            )
        ) as recent_day_count,
        sum(
            greatest(
                stays.last_day_number - greatest(
                    stays.first_day_number - 1, exception_sums.last_missed_number
                ),
                0
            )
        ) as days_present_in_a_row,
        max(stays.last_day_number) as last_day_number

    from stays

    inner join recent_windows
        on stays.school_key = recent_windows.school_key

    left join exception_sums
        on
            stays.student_key = exception_sums.student_key
            and stays.school_key = exception_sums.school_key

    group by
        stays.student_key,
        stays.school_key

),

final as (

    select
        stay_sums.student_key,
        stay_sums.school_key,
        stay_sums.days_present_in_a_row,
        school_days.school_day_date as data_through_date,
        stay_sums.day_count - coalesce(exception_sums.days_unknown, 0) as days_enrolled,
        coalesce(exception_sums.days_absent, 0) as days_absent,
        coalesce(exception_sums.days_absent_excused, 0) as days_absent_excused,
        coalesce(exception_sums.days_absent_unexcused, 0) as days_absent_unexcused,
        coalesce(exception_sums.days_absent_suspension, 0) as days_absent_suspension,
        coalesce(exception_sums.days_tardy, 0) as days_tardy,
        coalesce(exception_sums.days_unknown, 0) as days_unknown,
        stay_sums.recent_day_count - coalesce(exception_sums.recent_days_unknown, 0)
            as recent_days_enrolled,
        coalesce(exception_sums.recent_days_absent, 0) as recent_days_absent

    from stay_sums

    inner join school_days
        on
            stay_sums.school_key = school_days.school_key
            and stay_sums.last_day_number = school_days.school_day_number

    left join exception_sums
        on
            stay_sums.student_key = exception_sums.student_key
            and stay_sums.school_key = exception_sums.school_key

)

select * from final
