with

capacities as (

    select * from {{ ref('int_service_capacity_counted') }}

),

services as (

    select * from {{ ref('dim_services') }}

),

allocations as (

    select * from {{ ref('int_places_allocated') }}

),

lines as (

    select
        service_id,
        count(distinct student_key) filter (where place_outcome = 'place')
            as held_count,
        count(distinct student_key) filter (where place_outcome = 'waiting')
            as waiting_count,
        count(distinct student_key) filter (where place_outcome = 'ask')
            as asking_count

    from allocations

    group by service_id

),

-- Who stands first in the waiting list is next: the need of the best standing.
next_needs as (

    select distinct on (service_id)
        service_id,
        need_id

    from allocations

    where place_outcome = 'waiting' and line_number = 1

    order by service_id asc, choice_number asc, need_id asc

),

final as (

    select
        capacities.service_id,
        services.organization_id,
        next_needs.need_id as next_need_id,
        capacities.maximum_count,
        capacities.free_place_count,
        capacities.promised_count,
        capacities.place_count,
        cast(coalesce(lines.held_count, 0) as integer) as held_count,
        cast(coalesce(lines.waiting_count, 0) as integer) as waiting_count,
        cast(coalesce(lines.asking_count, 0) as integer) as asking_count,
        capacities.counted_date,
        capacities.place_count - cast(coalesce(lines.held_count, 0) as integer)
            as left_count

    from capacities

    inner join services
        on capacities.service_id = services.service_id

    left join lines
        on capacities.service_id = lines.service_id

    left join next_needs
        on capacities.service_id = next_needs.service_id

)

select * from final
