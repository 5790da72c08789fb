with

placed_students as (

    select * from {{ ref('int_students_placed') }}

),

enrollments as (

    select * from {{ ref('stg_roster__enrollments') }}

),

classes as (

    select * from {{ ref('stg_roster__classes') }}

),

class_windows as (

    select * from {{ ref('int_class_windows_resolved') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

-- Enrollments without dates follow their class.
current_enrollments as (

    select
        enrollments.user_source_id,
        enrollments.school_source_id,
        enrollments.class_source_id,
        classes.class_title,
        classes.class_type

    from enrollments

    inner join classes
        on enrollments.class_source_id = classes.class_source_id

    cross join run_dates

    left join class_windows
        on enrollments.class_source_id = class_windows.class_source_id

    where
        enrollments.enrollment_role = 'student'
        and coalesce(
            coalesce(enrollments.begin_date, class_windows.from_date)
            <= run_dates.as_of_date,
            true
        )
        and coalesce(
            coalesce(enrollments.end_date, class_windows.to_date)
            > run_dates.as_of_date,
            true
        )

),

placed_classes as (

    select
        placed_students.student_key,
        placed_students.school_key,
        placed_students.school_source_id,
        current_enrollments.class_source_id,
        current_enrollments.class_title,
        coalesce(current_enrollments.class_type = 'homeroom', false) as is_homeroom

    from placed_students

    left join current_enrollments
        on
            placed_students.student_source_id = current_enrollments.user_source_id
            and placed_students.school_source_id = current_enrollments.school_source_id

),

-- Distinct, because a student has many classes: every homeroom first, then the first by
-- id. A student in no class is listed all the same.
final as (

    select distinct on (student_key, school_key)
        student_key,
        school_key,
        class_source_id,
        coalesce(class_title, 'No class') as class_title,
        coalesce(class_source_id, 'no-class-' || school_source_id) as class_key

    from placed_classes

    order by
        student_key asc,
        school_key asc,
        is_homeroom desc,
        class_source_id collate "C" asc

)

select * from final
