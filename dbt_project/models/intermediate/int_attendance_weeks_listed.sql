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

weeks_of_days as (

    select
        school_key,
        school_day_number,
        cast(date_trunc('week', school_day_date) as date) as week_date

    from school_days

),

numbered_days as (

    select
        school_key,
        school_day_number,
        week_date,
        dense_rank() over (partition by school_key order by week_date desc)
            as weeks_ago

    from weeks_of_days

),

shown_days as (

    select
        numbered_days.school_key,
        numbered_days.school_day_number,
        numbered_days.week_date

    from numbered_days

    inner join settings
        on numbered_days.weeks_ago <= settings.weeks_shown

),

shown_weeks as (

    select
        school_key,
        week_date,
        min(school_day_number) as first_day_number,
        max(school_day_number) as last_day_number

    from shown_days

    group by
        school_key,
        week_date

),

-- Each shown week of each student, enrolled or not; the days of stays, counted by the
-- numbers of their ends; and the exceptions: in one list, which is summed once.
counts as (

    select
        placed_students.student_key,
        placed_students.school_key,
        shown_weeks.week_date,
        0 as days_enrolled,
        0 as days_absent

    from placed_students

    inner join shown_weeks
        on placed_students.school_key = shown_weeks.school_key

    union all

    select
        stays.student_key,
        stays.school_key,
        shown_weeks.week_date,
        least(stays.last_day_number, shown_weeks.last_day_number)
        - greatest(stays.first_day_number, shown_weeks.first_day_number)
        + 1 as days_enrolled,
        0 as days_absent

    from stays

    inner join shown_weeks
        on
            stays.school_key = shown_weeks.school_key
            and stays.first_day_number <= shown_weeks.last_day_number
            and stays.last_day_number >= shown_weeks.first_day_number

    union all

    select
        exceptions.student_key,
        exceptions.school_key,
        shown_days.week_date,
        case when not exceptions.is_known then -1 else 0 end as days_enrolled,
        case when exceptions.is_absent then 1 else 0 end as days_absent

    from exceptions

    inner join shown_days
        on
            exceptions.school_key = shown_days.school_key
            and exceptions.school_day_number = shown_days.school_day_number

),

week_sums as (

    select
        student_key,
        school_key,
        week_date,
        cast(sum(days_enrolled) as numeric) as days_enrolled,
        sum(days_absent) as days_absent

    from counts

    group by
        student_key,
        school_key,
        week_date

),

final as (

    select
        placed_students.student_key,
        placed_students.school_key,
        jsonb_agg(
            jsonb_build_object(
                'week_of', week_sums.week_date,
                'share', trim_scale(
                    round(
                        (week_sums.days_enrolled - week_sums.days_absent)
                        / nullif(week_sums.days_enrolled, 0),
                        2
                    )
                )
            )
            order by week_sums.week_date
        ) as weekly_attendance

    from placed_students

    inner join week_sums
        on
            placed_students.student_key = week_sums.student_key
            and placed_students.school_key = week_sums.school_key

    group by
        placed_students.student_key,
        placed_students.school_key

)

select * from final
