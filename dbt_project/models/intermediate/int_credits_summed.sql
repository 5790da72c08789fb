with

attempts as (

    select * from {{ ref('int_course_attempts_judged') }}

),

students as (

    select * from {{ ref('int_students_identified') }}

),

settings as (

    select * from {{ ref('int_settings_pivoted') }}

),

-- Freshman on-track looks at grade 9 alone: its credits once the grade is over, its
-- failed core courses at once.
sums as (

    select
        attempts.student_key,
        sum(attempts.attempted_credits) filter (where attempts.is_this_year)
            as year_credits_attempted,
        sum(attempts.earned_credits) filter (where attempts.is_this_year)
            as year_credits_earned,
        sum(attempts.earned_credits) filter (
            where attempts.grade_order = 9 and students.grade_order > 9
        ) as freshman_credits_earned,
        count(*) filter (
            where attempts.grade_order = 9 and attempts.core_subject is not null
        ) as freshman_core_count,
        count(*) filter (
            where
            attempts.grade_order = 9
            and attempts.core_subject is not null
            and attempts.is_failed
        ) as freshman_core_failure_count,
        string_agg(
            coalesce(attempts.course_title, attempts.course_code),
            ', ' order by
                attempts.school_year,
                attempts.term_code,
                attempts.course_code
        ) filter (
            where
            attempts.grade_order = 9
            and attempts.core_subject is not null
            and attempts.is_failed
        ) as freshman_failed_titles,
        max(attempts.grade_points) filter (where attempts.milestone = 'algebra_1')
            as algebra_1_points

    from attempts

    inner join students
        on attempts.student_key = students.student_key

    group by attempts.student_key

),

final as (

    select
        sums.student_key,
        sums.freshman_failed_titles,
        sums.year_credits_attempted,
        sums.year_credits_earned,
        sums.freshman_credits_earned,
        sums.freshman_core_count,
        sums.freshman_core_failure_count,
        sums.algebra_1_points,
        case
            when sums.freshman_credits_earned is not null
                then
                    sums.freshman_credits_earned >= settings.on_track_credits
                    and sums.freshman_core_failure_count
                    <= settings.on_track_core_failures
        end as is_on_track_after_grade_9

    from sums

    cross join settings

)

select * from final
