with

assignments as (

    select * from {{ ref('stg_staff__assignments') }}

),

schools as (

    select * from {{ ref('int_schools_identified') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

-- Distinct, because one person may have two roles at a school.
final as (

    select distinct
        assignments.staff_id,
        schools.school_key

    from assignments

    inner join schools
        on assignments.school_source_id = schools.school_source_id

    inner join run_dates
        on
            assignments.begin_date <= run_dates.as_of_date
            and coalesce(assignments.end_date > run_dates.as_of_date, true)

)

select * from final
