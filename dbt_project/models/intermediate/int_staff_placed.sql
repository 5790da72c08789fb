with

assignments as (

    select * from {{ ref('stg_staff__assignments') }}

),

roles as (

    select * from {{ ref('stg_roster__roles') }}

),

users as (

    select * from {{ ref('stg_roster__users') }}

),

schools as (

    select * from {{ ref('int_schools_identified') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

-- The staff feed, and the adults whom the roster places at a school.
places as (

    select
        staff_id,
        school_source_id,
        begin_date,
        end_date

    from assignments

    union all

    select
        roles.user_source_id as staff_id,
        roles.org_source_id as school_source_id,
        roles.begin_date,
        roles.end_date

    from roles

    where roles.user_role in ('teacher', 'counselor', 'aide', 'siteAdministrator')

    union all

    select
        users.user_source_id as staff_id,
        named.org_source_id as school_source_id,
        null as begin_date,
        null as end_date

    from users

    cross join lateral unnest(users.org_source_ids) as named (org_source_id)

    where users.user_role in ('teacher', 'administrator', 'aide')

),

-- Distinct, because one person may have two roles at a school.
final as (

    select distinct
        places.staff_id,
        schools.school_key

    from places

    inner join schools
        on places.school_source_id = schools.school_source_id

    inner join run_dates
        on
            coalesce(places.begin_date <= run_dates.as_of_date, true)
            and coalesce(places.end_date > run_dates.as_of_date, true)

)

select * from final
