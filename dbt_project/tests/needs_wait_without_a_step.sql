-- What: open needs without a next step.
-- Why it matters: the need would be missing from the queue, and nobody would act.
-- What to do: add a row to the seed next_steps for the state that has none.
with

needs as (

    select * from {{ ref('int_needs_opened') }}

),

queue as (

    select * from {{ ref('rpt_referral_queue') }}

),

final as (

    select needs.need_id

    from needs

    left join queue
        on needs.need_id = queue.need_id

    where queue.need_id is null

)

select * from final
