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

coordinators as (

    select
        schools.school_key,
        assignments.staff_id,
        concat_ws(' ', assignments.given_name, assignments.family_name) as staff_name

    from assignments

    inner join schools
        on assignments.school_source_id = schools.school_source_id

    inner join run_dates
        on
            assignments.begin_date <= run_dates.as_of_date
            and coalesce(assignments.end_date > run_dates.as_of_date, true)

    where assignments.staff_role = 'site_coordinator'

),

final as (

    select
        school_key,
        string_agg(staff_name, ', ' order by staff_id collate "C") as coordinator_names

    from coordinators

    group by school_key

)

select * from final
