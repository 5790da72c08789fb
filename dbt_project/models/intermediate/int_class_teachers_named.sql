with

enrollments as (

    select * from {{ ref('stg_roster__enrollments') }}

),

users as (

    select * from {{ ref('stg_roster__users') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

-- Distinct, because a teacher may be enrolled twice in a class.
teachers as (

    select distinct
        enrollments.class_source_id,
        users.user_source_id,
        users.given_name,
        users.family_name

    from enrollments

    inner join run_dates
        on
            coalesce(enrollments.begin_date <= run_dates.as_of_date, true)
            and coalesce(enrollments.end_date > run_dates.as_of_date, true)

    inner join users
        on enrollments.user_source_id = users.user_source_id

    where enrollments.enrollment_role = 'teacher'

),

final as (

    select
        class_source_id,
        string_agg(
            concat_ws(' ', given_name, family_name), ', '
            order by
                family_name collate "C",
                given_name collate "C",
                user_source_id collate "C"
        ) as teacher_names

    from teachers

    group by class_source_id

)

select * from final
