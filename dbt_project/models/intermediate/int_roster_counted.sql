with

enrollments as (

    select * from {{ ref('stg_roster__enrollments') }}
    where enrollment_role = 'student'

),

users as (

    select * from {{ ref('stg_roster__users') }}

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

told_members as (

    select
        school_associations.school_source_id,
        school_associations.student_source_id

    from school_associations

    inner join run_dates
        on
            school_associations.from_date <= run_dates.as_of_date
            and school_associations.to_date > run_dates.as_of_date

    where school_associations.is_stay

),

guessed_members as (

    select * from class_members
    union all
    select * from role_members

),

members as (

    select * from told_members
    union all
    select * from guessed_members
    where not exists (
        select 1 from school_associations
        where
            school_associations.student_source_id
            = guessed_members.student_source_id
    )

),

final as (

    select
        members.school_source_id,
        count(distinct members.student_source_id) as active_student_count

    from members

    -- Who has been deleted is a child no more, whatever enrollment still names them.
    inner join users
        on members.student_source_id = users.user_source_id

    group by members.school_source_id

)

select * from final
