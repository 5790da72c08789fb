with

decisions as (

    select * from {{ ref('int_decisions_judged') }}

),

services as (

    select * from {{ ref('dim_services') }}

),

-- A name that two services share chooses neither.
named_services as (

    select
        lower(service_name) as service_name,
        min(service_id) as service_id

    from services

    group by lower(service_name)

    having count(*) = 1

),

counted_decisions as (

    select
        need_id,
        release_id,
        student_source_id,
        rule_id,
        domain,
        decision,
        chosen_service,
        reason_code,
        decided_by,
        decided_date,
        case
            when chosen_service in ('1', '2', '3')
                then service_ids[cast(chosen_service as integer)]
            when chosen_service is null and decision = 'accept' then service_ids[1]
        end as suggested_service_id,
        row_number() over (
            partition by need_id
            order by
                decided_date asc,
                told_at asc,
                release_id asc,
                decided_by collate "C" asc
        ) as turn_number

    from decisions

    where outcome = 'counts'

),

final as (

    select
        counted_decisions.need_id,
        counted_decisions.release_id,
        counted_decisions.student_source_id,
        counted_decisions.rule_id,
        counted_decisions.domain,
        counted_decisions.decision,
        counted_decisions.reason_code,
        counted_decisions.decided_by,
        counted_decisions.decided_date,
        counted_decisions.turn_number,
        coalesce(
            counted_decisions.suggested_service_id,
            services.service_id,
            named_services.service_id
        ) as service_id

    from counted_decisions

    left join services
        on counted_decisions.chosen_service = services.service_id

    left join named_services
        on lower(counted_decisions.chosen_service) = named_services.service_name

)

select * from final
