with

users as (

    select * from {{ ref('stg_roster__users') }}

),

roles as (

    select * from {{ ref('stg_roster__roles') }}

),

orgs as (

    select * from {{ ref('stg_roster__orgs') }}

),

-- OneRoster 1.1 puts the role on the person, 1.2 into a file of its own.
named_orgs as (

    select
        users.user_source_id as student_source_id,
        named.org_source_id as school_source_id,
        cast(null as date) as begin_date,
        cast(null as date) as end_date

    from users

    cross join lateral unnest(users.org_source_ids) as named (org_source_id)

    where users.user_role = 'student'

),

role_orgs as (

    select
        user_source_id as student_source_id,
        org_source_id as school_source_id,
        begin_date,
        end_date

    from roles

    where user_role = 'student'

),

all_orgs as (

    select * from named_orgs
    union distinct
    select * from role_orgs

),

final as (

    select
        all_orgs.student_source_id,
        all_orgs.school_source_id,
        all_orgs.begin_date,
        all_orgs.end_date

    from all_orgs

    inner join orgs
        on all_orgs.school_source_id = orgs.org_source_id

    where orgs.org_type = 'school'

)

select * from final
