with

student_services as (

    select * from {{ ref('fct_student_services') }}

),

schools as (

    select * from {{ ref('int_schools_identified') }}

),

category_groups as (

    select * from {{ ref('category_groups') }}

),

service_deliverers as (

    select * from {{ ref('service_deliverers') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

uses as (

    select
        school_key,
        category_group,
        delivered_by,
        count(distinct student_key) as student_count,
        count(distinct service_id) as service_count,
        count(*) as student_service_count,
        sum(session_count) as session_count

    from student_services

    group by
        school_key,
        category_group,
        delivered_by

),

-- Every school shows every kind: none is an answer.
final as (

    select
        schools.school_key,
        schools.school_source_id,
        category_groups.category_group,
        category_groups.group_order,
        category_groups.group_label,
        service_deliverers.delivered_by,
        service_deliverers.deliverer_order,
        service_deliverers.deliverer_label,
        run_dates.as_of_date,
        cast(coalesce(uses.student_count, 0) as integer) as student_count,
        cast(coalesce(uses.service_count, 0) as integer) as service_count,
        cast(coalesce(uses.student_service_count, 0) as integer)
            as student_service_count,
        cast(coalesce(uses.session_count, 0) as integer) as session_count

    from schools

    cross join category_groups

    cross join service_deliverers

    cross join run_dates

    left join uses
        on
            schools.school_key = uses.school_key
            and category_groups.category_group = uses.category_group
            and service_deliverers.delivered_by = uses.delivered_by

)

select * from final
