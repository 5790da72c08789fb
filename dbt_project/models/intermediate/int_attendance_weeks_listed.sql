with

placed_students as (

    select * from {{ ref('int_students_placed') }}

),

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

school_weeks as (

    select
        school_key,
        cast(date_trunc('week', school_day_date) as date) as week_date,
        min(school_day_number) as first_day_number,
        max(school_day_number) as last_day_number

    from school_days

    group by
        school_key,
        week_date

),

numbered_weeks as (

    select
        school_key,
        week_date,
        first_day_number,
        last_day_number,
        row_number() over (partition by school_key order by week_date desc)
            as weeks_ago

    from school_weeks

),

shown_weeks as (

    select
        numbered_weeks.school_key,
        numbered_weeks.week_date,
        numbered_weeks.first_day_number,
        numbered_weeks.last_day_number

    from numbered_weeks

    inner join settings
        on numbered_weeks.weeks_ago <= settings.weeks_shown

),

-- The days of a stay in a week are counted by the numbers of their ends.
stay_sums as (

    select
        stays.student_key,
        stays.school_key,
        shown_weeks.week_date,
        sum(
            least(stays.last_day_number, shown_weeks.last_day_number)
            - greatest(stays.first_day_number, shown_weeks.first_day_number)
            + 1
        ) as day_count

    from stays

    inner join shown_weeks
        on
            stays.school_key = shown_weeks.school_key
            and stays.first_day_number <= shown_weeks.last_day_number
            and stays.last_day_number >= shown_weeks.first_day_number

    group by
        stays.student_key,
        stays.school_key,
        shown_weeks.week_date

),

exception_sums as (

    select
        exceptions.student_key,
        exceptions.school_key,
        shown_weeks.week_date,
        count(*) filter (where exceptions.is_absent) as days_absent,
        count(*) filter (where not exceptions.is_known) as days_unknown

    from exceptions

    inner join shown_weeks
        on
            exceptions.school_key = shown_weeks.school_key
            and exceptions.school_day_number >= shown_weeks.first_day_number
            and exceptions.school_day_number <= shown_weeks.last_day_number

    group by
        exceptions.student_key,
        exceptions.school_key,
        shown_weeks.week_date

),

week_sums as (

    select
        stay_sums.student_key,
        stay_sums.school_key,
        stay_sums.week_date,
        stay_sums.day_count - coalesce(exception_sums.days_unknown, 0) as days_enrolled,
        coalesce(exception_sums.days_absent, 0) as days_absent

    from stay_sums

    left join exception_sums
        on
            stay_sums.student_key = exception_sums.student_key
            and stay_sums.school_key = exception_sums.school_key
            and stay_sums.week_date = exception_sums.week_date

),

final as (

    select
        placed_students.student_key,
        placed_students.school_key,
        jsonb_agg(
            jsonb_build_object(
                'week_of', shown_weeks.week_date,
                'share', trim_scale(
                    round(
                        cast(week_sums.days_enrolled - week_sums.days_absent as numeric)
                        / nullif(week_sums.days_enrolled, 0),
                        2
                    )
                )
            )
            order by shown_weeks.week_date
        ) as weekly_attendance

    from placed_students

    inner join shown_weeks
        on placed_students.school_key = shown_weeks.school_key

    left join week_sums
        on
            placed_students.student_key = week_sums.student_key
            and placed_students.school_key = week_sums.school_key
            and shown_weeks.week_date = week_sums.week_date

    group by
        placed_students.student_key,
        placed_students.school_key

)

select * from final
