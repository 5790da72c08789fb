with

results as (

    select * from {{ ref('stg_competencies__results') }}

),

competency_levels as (

    select * from {{ ref('competency_levels') }}

),

students as (

    select * from {{ ref('int_students_identified') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

-- Distinct, because a competency may be judged again: the latest of the year speaks.
latest_results as (

    select distinct on (students.student_key, results.competency_id)
        students.student_key,
        results.competency_id,
        competency_levels.is_mastered,
        results.assessed_date

    from results

    inner join run_dates
        on
            results.assessed_date >= run_dates.records_start_date
            and results.assessed_date <= run_dates.as_of_date

    inner join students
        on results.student_source_id = students.student_source_id

    inner join competency_levels
        on lower(results.competency_level) = lower(competency_levels.competency_level)

    order by
        students.student_key asc,
        results.competency_id asc,
        results.assessed_date desc

),

final as (

    select
        student_key,
        count(*) as competency_count,
        count(*) filter (where is_mastered) as mastered_count,
        max(assessed_date) as last_assessed_date

    from latest_results

    group by student_key

)

select * from final
