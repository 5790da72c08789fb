with

incidents as (

    select * from {{ ref('stg_discipline__incidents') }}

),

student_behaviors as (

    select * from {{ ref('stg_discipline__student_behaviors') }}

),

students as (

    select * from {{ ref('int_students_identified') }}

),

settings as (

    select * from {{ ref('int_settings_pivoted') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

-- Distinct, because one incident may hold several behaviors of a student. Only a
-- perpetrator offends; a part that is not said is read as one.
offences as (

    select distinct
        students.student_key,
        incidents.incident_id,
        incidents.school_source_id,
        incidents.incident_date,
        run_dates.as_of_date - settings.incident_recent_days
        < incidents.incident_date as is_recent

    from student_behaviors

    inner join incidents
        on
            student_behaviors.incident_id = incidents.incident_id
            and student_behaviors.school_source_id = incidents.school_source_id

    inner join run_dates
        on
            incidents.incident_date >= run_dates.year_start_date
            and incidents.incident_date <= run_dates.as_of_date

    inner join students
        on student_behaviors.student_source_id = students.student_source_id

    cross join settings

    where
        coalesce(nullif(lower(student_behaviors.participation_code), ''), 'perpetrator')
        = 'perpetrator'

),

final as (

    select
        student_key,
        count(*) as incident_count,
        count(*) filter (where is_recent) as recent_incident_count,
        max(incident_date) as last_incident_date

    from offences

    group by student_key

)

select * from final
