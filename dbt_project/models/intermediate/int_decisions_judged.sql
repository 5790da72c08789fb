with

aged_decisions as (

    select * from {{ ref('int_decisions_dated') }}

),

-- One day takes one decision: what happened before what was chosen, the newer list, the
-- later word, then the initials. A contact stands beside any of them.
ranked_decisions as (

    select
        need_id,
        release_id,
        student_source_id,
        rule_id,
        domain,
        service_ids,
        decision,
        chosen_service,
        reason_code,
        decided_by,
        is_fact,
        decided_date,
        told_at,
        list_date,
        is_stale,
        row_number() over (
            partition by
                need_id, decided_date, is_stale, decision = 'contact_tried'
            order by
                is_fact desc,
                list_date is not null desc,
                release_id desc,
                told_at desc,
                decided_by collate "C" asc
        ) as place_of_day,
        first_value(decision) over (
            partition by
                need_id, decided_date, is_stale, decision = 'contact_tried'
            order by
                is_fact desc,
                list_date is not null desc,
                release_id desc,
                told_at desc,
                decided_by collate "C" asc
        ) as decision_of_day

    from aged_decisions

),

final as (

    select
        need_id,
        release_id,
        student_source_id,
        rule_id,
        domain,
        service_ids,
        decision,
        chosen_service,
        reason_code,
        decided_by,
        decided_date,
        told_at,
        list_date,
        case
            when is_stale then 'stale'
            when decision = 'contact_tried' or place_of_day = 1 then 'counts'
            when decision = decision_of_day then 'repeated'
            else 'overruled'
        end as outcome

    from ranked_decisions

)

select * from final
