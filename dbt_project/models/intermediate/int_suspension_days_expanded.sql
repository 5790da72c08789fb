with

actions as (

    select * from {{ ref('int_discipline_actions_decided') }}

),

students as (

    select * from {{ ref('int_students_identified') }}

),

schools as (

    select * from {{ ref('int_schools_identified') }}

),

school_days as (

    select * from {{ ref('int_instructional_days_resolved') }}

),

settings as (

    select * from {{ ref('int_settings_pivoted') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

suspensions as (

    select
        students.student_key,
        schools.school_key,
        actions.discipline_date,
        settings.present_minimum_numerator,
        settings.present_minimum_denominator,
        settings.present_minimum_is_inclusive,
        coalesce(actions.action_length_days, settings.suspension_days_without_length)
            as length_days

    from actions

    inner join run_dates
        on
            actions.discipline_date >= run_dates.year_start_date
            and actions.discipline_date <= run_dates.as_of_date

    inner join students
        on actions.student_source_id = students.student_source_id

    inner join schools
        on actions.school_source_id = schools.school_source_id

    cross join settings

    where
        (
            actions.discipline_kind in ('oss', 'expulsion')
            and settings.oss_is_absence
        )
        or (actions.discipline_kind = 'iss' and settings.iss_is_absence)

),

-- The part of the last day counts as a day when too little of it is left to be present.
suspension_lengths as (

    select
        suspensions.student_key,
        suspensions.school_key,
        suspensions.discipline_date,
        floor(suspensions.length_days) + cast(
            not {{ is_present("1 - mod(suspensions.length_days, 1)", "suspensions") }}
            as integer
        ) as absent_days

    from suspensions

),

first_days as (

    select
        suspension_lengths.student_key,
        suspension_lengths.school_key,
        suspension_lengths.discipline_date,
        suspension_lengths.absent_days,
        min(school_days.school_day_number) as first_day_number

    from suspension_lengths

    inner join school_days
        on
            suspension_lengths.school_key = school_days.school_key
            and suspension_lengths.discipline_date <= school_days.school_day_date

    group by
        suspension_lengths.student_key,
        suspension_lengths.school_key,
        suspension_lengths.discipline_date,
        suspension_lengths.absent_days

),

-- Distinct, because two suspensions may cover one day.
final as (

    select distinct
        first_days.student_key,
        first_days.school_key,
        school_days.school_day_date as suspension_date

    from first_days

    inner join school_days
        on
            first_days.school_key = school_days.school_key
            and first_days.first_day_number <= school_days.school_day_number
            and first_days.first_day_number + first_days.absent_days
            > school_days.school_day_number

)

select * from final
