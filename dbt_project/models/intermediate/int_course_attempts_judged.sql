with

transcripts as (

    select * from {{ ref('stg_transcripts__course_transcripts') }}

),

attempt_results as (

    select * from {{ ref('attempt_results') }}

),

letter_grades as (

    select * from {{ ref('letter_grades') }}

),

core_subjects as (

    select * from {{ ref('core_subjects') }}

),

milestone_courses as (

    select * from {{ ref('milestone_courses') }}

),

grade_levels as (

    select * from {{ ref('grade_levels') }}

),

students as (

    select * from {{ ref('int_students_identified') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

-- A title is asked for where the code says nothing. A plus or minus changes no letter.
-- A course that was left, or is still owed work, says nothing yet.
final as (

    select
        students.student_key,
        transcripts.course_code,
        transcripts.course_title,
        transcripts.term_code,
        transcripts.letter_grade,
        core_subjects.core_subject,
        transcripts.school_year,
        grade_levels.grade_order,
        transcripts.attempted_credits,
        transcripts.earned_credits,
        letter_grades.grade_points,
        coalesce(coded_milestones.milestone, titled_milestones.milestone) as milestone,
        coalesce(attempt_results.is_failed, not letter_grades.is_passing) as is_failed,
        transcripts.school_year = run_dates.school_year as is_this_year

    from transcripts

    inner join run_dates
        on transcripts.school_year <= run_dates.school_year

    inner join students
        on transcripts.student_source_id = students.student_source_id

    left join attempt_results
        on lower(transcripts.attempt_result) = lower(attempt_results.attempt_result)

    left join letter_grades
        on
            upper(regexp_replace(transcripts.letter_grade, '\s*[-+]\s*$', ''))
            = letter_grades.letter_grade

    left join core_subjects
        on lower(transcripts.academic_subject) = lower(core_subjects.academic_subject)

    left join milestone_courses as coded_milestones
        on lower(transcripts.course_code) = coded_milestones.course_name

    left join milestone_courses as titled_milestones
        on lower(transcripts.course_title) = titled_milestones.course_name

    left join grade_levels
        on transcripts.grade_code = grade_levels.grade_code

    where coalesce(attempt_results.is_finished, true)

)

select * from final
