with

scale_scores as (

    select * from {{ ref('stg_surveys__scale_scores') }}

),

students as (

    select * from {{ ref('int_students_identified') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

year_scores as (

    select
        students.student_key,
        scale_scores.survey_id,
        scale_scores.survey_scale,
        scale_scores.score,
        scale_scores.administered_date

    from scale_scores

    inner join run_dates
        on
            scale_scores.administered_date >= run_dates.records_start_date
            and scale_scores.administered_date <= run_dates.as_of_date

    inner join students
        on scale_scores.student_source_id = students.student_source_id

),

-- Distinct, because a student answers several surveys: the latest of the year speaks.
final as (

    select distinct on (student_key, survey_scale)
        student_key,
        survey_scale,
        score,
        administered_date

    from year_scores

    order by
        student_key asc,
        survey_scale asc,
        administered_date desc,
        survey_id collate "C" desc

)

select * from final
