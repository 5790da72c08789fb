with

needs as (

    select * from {{ ref('int_needs_referred') }}

),

services as (

    select * from {{ ref('dim_services') }}

),

set_apart_events as (

    select * from {{ ref('fct_service_events_set_apart') }}

),

placed_students as (

    select * from {{ ref('int_students_placed') }}

),

findings as (

    select
        needs.school_key,
        'services_inactive_offered' as finding

    from needs

    cross join lateral jsonb_array_elements(needs.services) as offered (service)

    inner join services
        on offered.service ->> 'service_id' = services.service_id

    where services.service_status <> 'active'

    union all

    select
        placed_students.school_key,
        'service_events_set_apart' as finding

    from set_apart_events

    inner join placed_students
        on set_apart_events.student_key = placed_students.student_key

),

final as (

    select
        school_key,
        count(*) filter (where finding = 'services_inactive_offered')
            as services_inactive_offered,
        count(*) filter (where finding = 'service_events_set_apart')
            as service_events_set_apart

    from findings

    group by school_key

)

select * from final
