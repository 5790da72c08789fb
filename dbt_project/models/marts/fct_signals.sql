{%- set measured -%}
    case
        when indicators.unit = 'share'
            then all_signals.numerator / all_signals.denominator
        else all_signals.numerator
    end
{%- endset -%}

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

feeds as (

    select * from {{ ref('int_feeds_dated') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

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
        rules.threshold_value,
        rules.opens_referral,
        matched_signals.data_through_date

    from matched_signals

    inner join rules
        on
            matched_signals.rule_id = rules.rule_id
            and matched_signals.level_rank = rules.level_rank

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
        cast(null as numeric) as threshold_value,
        false as opens_referral,
        measured_indicators.data_through_date

    from measured_indicators

    inner join indicators
        on measured_indicators.indicator_id = indicators.indicator_id

    left join spoken_signals
        on
            measured_indicators.student_key = spoken_signals.student_key
            and measured_indicators.school_key = spoken_signals.school_key
            and measured_indicators.indicator_id = spoken_signals.indicator_id

    where
        spoken_signals.indicator_id is null
        and indicators.context_wording is not null

),

all_signals as (

    select * from spoken_signals
    union all
    select * from context_signals

),

-- Numbers as a reader meets them; the exact ones decided already.
final as (

    select
        all_signals.student_key,
        all_signals.school_key,
        all_signals.rule_id,
        all_signals.indicator_id,
        indicators.domain,
        all_signals.signal_kind,
        all_signals.concern_level,
        all_signals.comparison,
        indicators.source_feed,
        all_signals.rule_version,
        all_signals.level_rank,
        all_signals.weight,
        all_signals.opens_referral,
        all_signals.threshold_value,
        run_dates.as_of_date,
        coalesce(all_signals.data_through_date, feeds.data_through_date)
            as data_through_date,
        {{ told_number(measured, 4, 'all_signals') }} as measured_value,
        {{ worded('all_signals') }} as wording

    from all_signals

    inner join indicators
        on all_signals.indicator_id = indicators.indicator_id

    cross join run_dates

    left join feeds
        on indicators.source_feed = feeds.feed

)

select * from final
