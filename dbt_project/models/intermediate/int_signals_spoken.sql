with

matched_signals as (

    select * from {{ ref('int_signals_matched') }}

),

measured_indicators as (

    select * from {{ ref('int_indicators_listed') }}

),

rules as (

    select * from {{ ref('int_rules_resolved') }}

),

indicators as (

    select * from {{ ref('indicators') }}

),

spoken_signals as (

    select
        matched_signals.student_key,
        matched_signals.school_key,
        rules.rule_id,
        rules.rule_version,
        rules.rule_kind as signal_kind,
        rules.indicator_id,
        rules.concern_level,
        rules.wording,
        rules.comparison,
        matched_signals.level_rank,
        rules.weight,
        matched_signals.detail,
        matched_signals.numerator,
        matched_signals.denominator,
        rules.threshold_numerator,
        rules.threshold_denominator,
        rules.opens_referral,
        matched_signals.data_through_date

    from matched_signals

    inner join rules
        on
            matched_signals.rule_id = rules.rule_id
            and matched_signals.level_rank = rules.level_rank

),

-- Distinct, because several rules may speak about one measure.
spoken_indicators as (

    select distinct
        student_key,
        school_key,
        indicator_id

    from spoken_signals

),

-- What was looked at and is no reason for concern is evidence too.
context_signals as (

    select
        measured_indicators.student_key,
        measured_indicators.school_key,
        indicators.indicator_id as rule_id,
        cast(null as integer) as rule_version,
        'context' as signal_kind,
        indicators.indicator_id,
        'no_concern' as concern_level,
        indicators.context_wording as wording,
        cast(null as text) as comparison,
        0 as level_rank,
        0 as weight,
        measured_indicators.detail,
        measured_indicators.numerator,
        measured_indicators.denominator,
        cast(null as integer) as threshold_numerator,
        cast(null as integer) as threshold_denominator,
        false as opens_referral,
        measured_indicators.data_through_date

    from measured_indicators

    inner join indicators
        on measured_indicators.indicator_id = indicators.indicator_id

    left join spoken_indicators
        on
            measured_indicators.student_key = spoken_indicators.student_key
            and measured_indicators.school_key = spoken_indicators.school_key
            and measured_indicators.indicator_id = spoken_indicators.indicator_id

    where
        spoken_indicators.indicator_id is null
        and indicators.context_wording is not null

),

final as (

    select * from spoken_signals
    union all
    select * from context_signals

)

select * from final
