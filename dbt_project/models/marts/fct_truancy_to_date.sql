with

exceptions as (

    select * from {{ ref('int_attendance_exceptions_placed') }}

),

overlapping_days as (

    select * from {{ ref('int_attendance_overlaps_decided') }}

),

school_sums as (

    select * from {{ ref('int_attendance_by_school_summed') }}

),

students as (

    select * from {{ ref('int_students_identified') }}

),

settings as (

    select * from {{ ref('int_settings_pivoted') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

-- Of a student at two schools at once, a day absent is what the district says it is.
unexcused_dates as (

    select
        exceptions.student_key,
        exceptions.attendance_date

    from exceptions

    left join overlapping_days
        on
            exceptions.student_key = overlapping_days.student_key
            and exceptions.attendance_date = overlapping_days.attendance_date

    where
        exceptions.absence_kind = 'unexcused'
        and overlapping_days.student_key is null

    union all

    select
        student_key,
        attendance_date

    from overlapping_days

    where
        is_absent
        and absence_kind = 'unexcused'

),

month_counts as (

    select
        student_key,
        to_char(attendance_date, 'YYYY-MM') as calendar_month,
        count(*) as unexcused_days

    from unexcused_dates

    group by
        student_key,
        to_char(attendance_date, 'YYYY-MM')

),

year_counts as (

    select
        student_key,
        sum(unexcused_days) as unexcused_days_in_year,
        max(unexcused_days) as most_unexcused_days_in_month

    from month_counts

    group by student_key

),

-- Distinct, because a student may have been at several schools.
enrolled_students as (

    select distinct student_key from school_sums

),

counted_students as (

    select
        students.student_key,
        students.student_source_id,
        students.age_years,
        cast(coalesce(year_counts.unexcused_days_in_year, 0) as integer)
            as unexcused_days_in_year,
        cast(coalesce(year_counts.most_unexcused_days_in_month, 0) as integer)
            as most_unexcused_days_in_month

    from enrolled_students

    inner join students
        on enrolled_students.student_key = students.student_key

    left join year_counts
        on enrolled_students.student_key = year_counts.student_key

),

-- A rule that the preset does not have, and an age that nobody knows, leave it empty.
judged_students as (

    select
        counted_students.student_key,
        counted_students.age_years between settings.truancy_age_from
        and settings.truancy_age_to as is_of_truancy_age,
        counted_students.most_unexcused_days_in_month >= settings.truancy_month_days
            as has_truant_month,
        counted_students.unexcused_days_in_year >= settings.truancy_year_days
            as has_truant_year

    from counted_students

    cross join settings

),

final as (

    select
        counted_students.student_key,
        counted_students.student_source_id,
        run_dates.school_year,
        counted_students.age_years,
        counted_students.unexcused_days_in_year,
        counted_students.most_unexcused_days_in_month,
        judged_students.is_of_truancy_age,
        run_dates.as_of_date,
        case
            when judged_students.has_truant_month is not null
                then
                    judged_students.is_of_truancy_age
                    and judged_students.has_truant_month
        end as is_truant_by_month,
        case
            when judged_students.has_truant_year is not null
                then
                    judged_students.is_of_truancy_age
                    and judged_students.has_truant_year
        end as is_truant_by_year

    from counted_students

    inner join judged_students
        on counted_students.student_key = judged_students.student_key

    cross join run_dates

)

select * from final
