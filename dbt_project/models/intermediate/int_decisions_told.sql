with

decisions as (

    select * from {{ ref('int_decisions_judged') }}

),

final as (

    select
        need_id,
        jsonb_agg(
            jsonb_build_object(
                'decision', decision,
                'reason', reason_code,
                'decided_by', decided_by,
                'decided_on', decided_date,
                'list_of', list_date,
                'outcome', outcome
            )
            order by
                decided_date desc,
                told_at desc,
                release_id desc,
                decided_by collate "C" asc
        ) as decisions

    from decisions

    group by need_id

)

select * from final
