with

placed_students as (

    select * from {{ ref('int_students_placed') }}

),

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

-- Distinct, because a week has several school days.
school_weeks as (

    select distinct
        school_key,
        cast(date_trunc('week', school_day_date) as date) as week_date

    from school_days

),

numbered_weeks as (

    select
        school_key,
        week_date,
        row_number() over (partition by school_key order by week_date desc)
            as weeks_ago

    from school_weeks

),

shown_weeks as (

    select
        numbered_weeks.school_key,
        numbered_weeks.week_date

    from numbered_weeks

    inner join settings
        on numbered_weeks.weeks_ago <= settings.weeks_shown

),

first_weeks as (

    select
        school_key,
        min(week_date) as first_week_date

    from shown_weeks

    group by school_key

),

week_sums as (

    select
        attendance_days.student_key,
        attendance_days.school_key,
        -- The Monday of the week, counted from a Monday: quicker than a calendar.
        attendance_days.attendance_date
        - (attendance_days.attendance_date - cast('2000-01-03' as date)) % 7
            as week_date,
        count(*) filter (where attendance_days.is_known) as days_enrolled,
        count(*) filter (where attendance_days.is_absent) as days_absent

    from attendance_days

    inner join first_weeks
        on
            attendance_days.school_key = first_weeks.school_key
            and attendance_days.attendance_date >= first_weeks.first_week_date

    group by
        attendance_days.student_key,
        attendance_days.school_key,
        week_date

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
