-- What: signals whose measure is of a privacy scope that may not be listed.
-- Why it matters: a list would tell what the law keeps for a few.
-- What to do: report it as a fault of the models; no data can cause it.
with

signals as (

    select * from {{ ref('fct_signals') }}

),

indicators as (

    select * from {{ ref('indicators') }}

),

privacy_scopes as (

    select * from {{ ref('privacy_scopes') }}

),

final as (

    select
        signals.student_key,
        signals.rule_id

    from signals

    inner join indicators
        on signals.indicator_id = indicators.indicator_id

    left join privacy_scopes
        on indicators.privacy_scope = privacy_scopes.privacy_scope

    where
        indicators.privacy_scope is not null
        and not coalesce(privacy_scopes.may_be_listed, false)

)

select * from final
