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

final as (

    select
        schools.school_key,
        string_agg(
            concat_ws(' ', assignments.given_name, assignments.family_name), ', '
            order by assignments.staff_id
        ) as coordinator_names

    from assignments

    inner join schools
        on assignments.school_source_id = schools.school_source_id

    inner join run_dates
        on
            assignments.begin_date <= run_dates.as_of_date
            and coalesce(assignments.end_date > run_dates.as_of_date, true)

    where assignments.staff_role = 'site_coordinator'

    group by schools.school_key

)

select * from final
