with

placed_students as (

    select * from {{ ref('int_students_placed') }}

),

students as (

    select * from {{ ref('dim_students') }}

),

rosters as (

    select * from {{ ref('int_review_rosters_assigned') }}

),

teachers as (

    select * from {{ ref('int_class_teachers_named') }}

),

reviews as (

    select * from {{ ref('int_reviews_listed') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

final as (

    select
        placed_students.student_key,
        placed_students.student_source_id,
        placed_students.school_key,
        placed_students.school_source_id,
        rosters.class_key,
        rosters.class_title,
        teachers.teacher_names,
        students.student_name,
        students.sort_name,
        placed_students.grade_level,
        run_dates.review_season,
        reviews.reviewed_date as reviewed_on,
        reviews.decided_tier,
        placed_students.as_of_date,
        reviews.student_key is not null as is_reviewed

    from placed_students

    inner join rosters
        on
            placed_students.student_key = rosters.student_key
            and placed_students.school_key = rosters.school_key

    inner join students
        on placed_students.student_key = students.student_key

    cross join run_dates

    left join teachers
        on rosters.class_source_id = teachers.class_source_id

    -- Last season's review does not tick this season's box.
    left join reviews
        on
            placed_students.student_key = reviews.student_key
            and run_dates.school_year = reviews.school_year
            and run_dates.review_season = reviews.review_season

)

select * from final
