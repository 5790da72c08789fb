with

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

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

-- Counted on a way of its own, without spells: the gate compares it with the lists.
class_members as (

    select
        enrollments.school_source_id,
        enrollments.user_source_id as student_source_id

    from enrollments

    cross join run_dates

    left join class_windows
        on enrollments.class_source_id = class_windows.class_source_id

    where
        coalesce(
            enrollments.begin_date, class_windows.from_date, run_dates.year_start_date
        ) <= run_dates.as_of_date
        and coalesce(
            enrollments.end_date, class_windows.to_date, run_dates.year_end_date
        ) > run_dates.as_of_date

),

role_members as (

    select
        role_schools.school_source_id,
        role_schools.student_source_id

    from role_schools

    cross join run_dates

    where
        coalesce(role_schools.begin_date, run_dates.year_start_date)
        <= run_dates.as_of_date
        and coalesce(role_schools.end_date, run_dates.year_end_date)
        > run_dates.as_of_date
        and not exists (
            select 1 from enrollments
            where enrollments.user_source_id = role_schools.student_source_id
        )

),

members as (

    select * from class_members
    union all
    select * from role_members

),

final as (

    select
        school_source_id,
        count(distinct student_source_id) as active_student_count

    from members

    group by school_source_id

)

select * from final
