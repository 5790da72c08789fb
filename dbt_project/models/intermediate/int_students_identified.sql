with

users as (

    select * from {{ ref('stg_roster__users') }}

),

roles as (

    select * from {{ ref('stg_roster__roles') }}

),

enrollments as (

    select * from {{ ref('stg_roster__enrollments') }}

),

demographics as (

    select * from {{ ref('int_demographics_united') }}

),

school_associations as (

    select * from {{ ref('int_school_associations_dated') }}

),

student_crosswalk as (

    select * from {{ ref('stg_ops__student_crosswalk') }}

),

grade_levels as (

    select * from {{ ref('grade_levels') }}

),

settings as (

    select * from {{ ref('int_settings_pivoted') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

-- A student is whoever any file calls one. Union takes each person once.
student_ids as (

    select user_source_id from users
    where user_role = 'student'
    union distinct
    select user_source_id from roles
    where user_role = 'student'
    union distinct
    select user_source_id from enrollments
    where enrollment_role = 'student'
    union distinct
    select student_source_id from school_associations

),

-- The grade of the newest stay that has begun; of two that began together, the higher.
entry_grades as (

    select
        school_associations.student_source_id,
        (
            array_agg(
                school_associations.grade_code
                order by
                    school_associations.from_date desc,
                    grade_levels.grade_order desc
            )
        )[1] as grade_code

    from school_associations

    inner join run_dates
        on school_associations.from_date <= run_dates.as_of_date

    inner join grade_levels
        on school_associations.grade_code = grade_levels.grade_code

    group by school_associations.student_source_id

),

graded_users as (

    select
        users.user_source_id,
        users.given_name,
        users.family_name,
        upper(coalesce(users.grade_codes[1], entry_grades.grade_code)) as grade_code

    from users

    left join entry_grades
        on users.user_source_id = entry_grades.student_source_id

),

final as (

    select
        student_crosswalk.student_key,
        graded_users.user_source_id as student_source_id,
        graded_users.given_name,
        graded_users.family_name,
        demographics.home_language,
        grade_levels.grade_order,
        demographics.birth_date,
        student_crosswalk.told_since_date,
        student_crosswalk.later_key,
        cast(
            extract(year from age(run_dates.as_of_date, demographics.birth_date))
            as integer
        ) as age_years,
        coalesce(grade_levels.grade_level, graded_users.grade_code) as grade_level,
        coalesce(grade_levels.grade_order >= first_grades.grade_order, true)
            as is_counted_in_rates,
        coalesce(student_crosswalk.is_in_question, false) as is_in_question

    from student_ids

    inner join graded_users
        on student_ids.user_source_id = graded_users.user_source_id

    cross join run_dates

    cross join settings

    left join student_crosswalk
        on graded_users.user_source_id = student_crosswalk.student_source_id

    left join demographics
        on graded_users.user_source_id = demographics.user_source_id

    left join grade_levels
        on graded_users.grade_code = upper(grade_levels.grade_code)

    left join grade_levels as first_grades
        on settings.rates_from_grade = first_grades.grade_code

)

select * from final
