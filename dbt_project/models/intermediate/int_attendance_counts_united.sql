with

spells as (

    select * from {{ ref('int_enrollment_spells_united') }}

),

by_school as (

    select * from {{ ref('int_attendance_by_school_summed') }}

),

in_district as (

    select * from {{ ref('int_attendance_in_district_summed') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

-- Distinct, because a student may come back to a school: the stays count together.
-- Leavers stay in the counts of the school they left.
stays as (

    select distinct
        spells.student_key,
        spells.school_key

    from spells

    inner join run_dates
        on
            spells.from_date <= run_dates.as_of_date
            and spells.to_date > run_dates.year_start_date

),

-- Distinct, because a student may have been at several schools.
stay_students as (

    select distinct student_key from stays

),

counts as (

    select
        stays.student_key,
        stays.school_key,
        'school' as attendance_scope,
        by_school.days_enrolled,
        by_school.days_absent,
        by_school.days_absent_excused,
        by_school.days_absent_unexcused,
        by_school.days_absent_suspension,
        by_school.days_tardy

    from stays

    left join by_school
        on
            stays.student_key = by_school.student_key
            and stays.school_key = by_school.school_key

    union all

    select
        stay_students.student_key,
        null as school_key,
        'district' as attendance_scope,
        in_district.days_enrolled,
        in_district.days_absent,
        in_district.days_absent_excused,
        in_district.days_absent_unexcused,
        in_district.days_absent_suspension,
        in_district.days_tardy

    from stay_students

    left join in_district
        on stay_students.student_key = in_district.student_key

),

final as (

    select
        student_key,
        school_key,
        attendance_scope,
        cast(coalesce(days_enrolled, 0) as integer) as days_enrolled,
        cast(coalesce(days_absent, 0) as integer) as days_absent,
        cast(coalesce(days_absent_excused, 0) as integer) as days_absent_excused,
        cast(coalesce(days_absent_unexcused, 0) as integer) as days_absent_unexcused,
        cast(coalesce(days_absent_suspension, 0) as integer) as days_absent_suspension,
        cast(coalesce(days_tardy, 0) as integer) as days_tardy

    from counts

)

select * from final
