with

students as (

    select * from {{ ref('int_students_identified') }}

),

schools as (

    select * from {{ ref('int_schools_identified') }}

),

enrollments as (

    select * from {{ ref('stg_roster__enrollments') }}
    where enrollment_role = 'student'

),

class_windows as (

    select * from {{ ref('int_class_windows_resolved') }}

),

role_schools as (

    select * from {{ ref('int_student_roles_united') }}

),

school_associations as (

    select * from {{ ref('int_school_associations_dated') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

class_stays as (

    select
        enrollments.user_source_id as student_source_id,
        enrollments.school_source_id,
        coalesce(
            enrollments.begin_date, class_windows.from_date, run_dates.year_start_date
        ) as from_date,
        coalesce(
            enrollments.end_date, class_windows.to_date, run_dates.year_end_date
        ) as to_date

    from enrollments

    cross join run_dates

    left join class_windows
        on enrollments.class_source_id = class_windows.class_source_id

),

-- A student without any class is at the school that the roster names.
role_stays as (

    select
        role_schools.student_source_id,
        role_schools.school_source_id,
        coalesce(role_schools.begin_date, run_dates.year_start_date) as from_date,
        coalesce(role_schools.end_date, run_dates.year_end_date) as to_date

    from role_schools

    cross join run_dates

    where not exists (
        select 1 from enrollments
        where enrollments.user_source_id = role_schools.student_source_id
    )

),

told_stays as (

    select
        student_source_id,
        school_source_id,
        from_date,
        to_date

    from school_associations

    where is_stay

),

-- A stay that is told as such wins over what classes and roles let guess.
guessed_stays as (

    select * from class_stays
    union all
    select * from role_stays

),

stays as (

    select * from told_stays
    union all
    select * from guessed_stays
    where not exists (
        select 1 from school_associations
        where
            school_associations.student_source_id
            = guessed_stays.student_source_id
    )

),

-- Where another child had the id, the days before are nobody's: who has it now was
-- there from the day on which the roster first told so, and on the day of the list.
identified_stays as (

    select
        students.student_key,
        schools.school_key,
        stays.to_date,
        greatest(
            stays.from_date,
            case
                when students.told_since_date > run_dates.as_of_date
                    then run_dates.as_of_date
                else students.told_since_date
            end
        ) as from_date

    from stays

    cross join run_dates

    inner join students
        on stays.student_source_id = students.student_source_id

    inner join schools
        on stays.school_source_id = schools.school_source_id

),

united_stays as (

    select
        student_key,
        school_key,
        range_agg(daterange(from_date, to_date)) as stay_ranges

    from identified_stays

    -- An enrollment that ends where it begins never was a stay.
    where from_date < to_date

    group by
        student_key,
        school_key

),

final as (

    select
        united_stays.student_key,
        united_stays.school_key,
        lower(united.stay_range) as from_date,
        upper(united.stay_range) as to_date

    from united_stays

    cross join lateral unnest(united_stays.stay_ranges) as united (stay_range)

)

select * from final
