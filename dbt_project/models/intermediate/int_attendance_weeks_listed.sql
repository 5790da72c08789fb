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

-- Each shown week of each student, enrolled or not. The days of stays are counted by
-- the numbers of their ends; who came today may have no such stay yet, and no days.
enrolled_weeks as (

    select
        placed_students.student_key,
        placed_students.school_key,
        shown_weeks.week_date,
        sum(
            greatest(
                least(stays.last_day_number, shown_weeks.last_day_number)
                - greatest(stays.first_day_number, shown_weeks.first_day_number)
                + 1,
                0
            )
        ) filter (where stays.student_key is not null) as days_enrolled

    from placed_students

    inner join shown_weeks
        on placed_students.school_key = shown_weeks.school_key

    left join stays
        on
            placed_students.student_key = stays.student_key
            and placed_students.school_key = stays.school_key

    group by
        placed_students.student_key,
        placed_students.school_key,
        shown_weeks.week_date

),

missed_weeks as (

    select
        exceptions.student_key,
        exceptions.school_key,
        shown_days.week_date,
        count(*) filter (where not exceptions.is_known) as days_unknown,
        count(*) filter (where exceptions.is_absent) as days_absent

    from exceptions

    inner join shown_days
        on
            exceptions.school_key = shown_days.school_key
            and exceptions.school_day_number = shown_days.school_day_number

    group by
        exceptions.student_key,
        exceptions.school_key,
        shown_days.week_date

),

week_sums as (

    select
        enrolled_weeks.student_key,
        enrolled_weeks.school_key,
        enrolled_weeks.week_date,
        cast(
            enrolled_weeks.days_enrolled - coalesce(missed_weeks.days_unknown, 0)
            as numeric
        ) as days_enrolled,
        coalesce(missed_weeks.days_absent, 0) as days_absent

    from enrolled_weeks

    left join missed_weeks
        on
            enrolled_weeks.student_key = missed_weeks.student_key
            and enrolled_weeks.school_key = missed_weeks.school_key
            and enrolled_weeks.week_date = missed_weeks.week_date

),

-- Gathered as rows, which then become JSON at once: as JSON they would be copied twice.
final as (

    select
        week_sums.student_key,
        week_sums.school_key,
        to_jsonb(array_agg(listed_week order by week_sums.week_date))
            as weekly_attendance

    from week_sums

    cross join
        lateral (
            values
            (
                week_sums.week_date,
                trim_scale(
                    round(
                        (week_sums.days_enrolled - week_sums.days_absent)
                        / nullif(week_sums.days_enrolled, 0),
                        2
                    )
                )
            )
        ) as listed_week (week_of, share)

    group by
        week_sums.student_key,
        week_sums.school_key

)

select * from final
