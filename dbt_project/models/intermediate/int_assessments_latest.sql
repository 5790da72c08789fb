with

assessments as (

    select * from {{ ref('stg_assessments__student_assessments') }}

),

assessment_subjects as (

    select * from {{ ref('assessment_subjects') }}

),

performance_levels as (

    select * from {{ ref('performance_levels') }}

),

students as (

    select * from {{ ref('int_students_identified') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

levelled_results as (

    select
        students.student_key,
        assessments.student_assessment_id,
        assessments.assessment_id,
        assessment_subjects.assessment_area,
        assessments.assessment_title,
        assessments.reporting_method,
        performance_levels.level_label,
        performance_levels.level_rank,
        performance_levels.level_count,
        assessments.administered_date

    from assessments

    inner join run_dates
        on
            assessments.administered_date >= run_dates.records_start_date
            and assessments.administered_date <= run_dates.as_of_date

    inner join students
        on assessments.student_source_id = students.student_source_id

    inner join assessment_subjects
        on
            lower(assessments.academic_subject)
            = lower(assessment_subjects.academic_subject)

    inner join performance_levels
        on
            lower(assessments.performance_level)
            = lower(performance_levels.performance_level)

),

-- Distinct, because a student is tested several times a year: the latest speaks.
latest_results as (

    select distinct on (student_key, assessment_area)
        student_key,
        assessment_area,
        assessment_id,
        assessment_title,
        reporting_method,
        level_label,
        level_rank,
        level_count,
        administered_date

    from levelled_results

    order by
        student_key asc,
        assessment_area asc,
        administered_date desc,
        student_assessment_id collate "C" desc,
        reporting_method collate "C" asc

),

-- Distinct likewise. Growth is against the first result of the year in the same test,
-- told in the same way: levels of two tests are no distance.
first_results as (

    select distinct on (
        student_key, assessment_area, assessment_id, reporting_method, level_count
    )
        student_key,
        assessment_area,
        assessment_id,
        reporting_method,
        level_rank,
        level_count,
        administered_date

    from levelled_results

    order by
        student_key asc,
        assessment_area asc,
        assessment_id asc,
        reporting_method asc,
        level_count asc,
        administered_date asc,
        student_assessment_id collate "C" asc

),

final as (

    select
        latest_results.student_key,
        latest_results.assessment_area,
        latest_results.assessment_title,
        latest_results.level_label,
        latest_results.level_rank,
        latest_results.level_count,
        latest_results.administered_date,
        case
            when first_results.administered_date < latest_results.administered_date
                then latest_results.level_rank - first_results.level_rank
        end as level_change

    from latest_results

    inner join first_results
        on
            latest_results.student_key = first_results.student_key
            and latest_results.assessment_area = first_results.assessment_area
            and latest_results.assessment_id = first_results.assessment_id
            and latest_results.reporting_method = first_results.reporting_method
            and latest_results.level_count = first_results.level_count

)

select * from final
