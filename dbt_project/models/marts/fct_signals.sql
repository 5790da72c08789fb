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

all_signals as (

    select * from spoken_signals
    union all
    select * from context_signals

),

-- Numbers as a reader meets them; the exact ones decided already.
worded_signals as (

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
        run_dates.as_of_date,
        coalesce(all_signals.data_through_date, feeds.data_through_date)
            as data_through_date,
        trim_scale(
            round(
                all_signals.numerator
                / case
                    when indicators.unit = 'share' then all_signals.denominator else 1
                end,
                4
            )
        ) as measured_value,
        trim_scale(
            round(
                cast(all_signals.threshold_numerator as numeric)
                / all_signals.threshold_denominator,
                4
            )
        ) as threshold_value,
        {{ worded('all_signals') }} as wording

    from all_signals

    inner join indicators
        on all_signals.indicator_id = indicators.indicator_id

    cross join run_dates

    left join feeds
        on indicators.source_feed = feeds.feed

),

final as (

    select
        student_key,
        school_key,
        rule_id,
        indicator_id,
        domain,
        signal_kind,
        concern_level,
        wording,
        comparison,
        source_feed,
        rule_version,
        level_rank,
        weight,
        measured_value,
        threshold_value,
        opens_referral,
        as_of_date,
        data_through_date,
        jsonb_build_object(
            'rule_id', rule_id,
            'rule_version', rule_version,
            'kind', signal_kind,
            'level', concern_level,
            'wording', wording,
            'value', measured_value,
            'threshold', threshold_value,
            'comparison', comparison,
            'as_of', as_of_date,
            'source_feed', source_feed,
            'data_through', data_through_date
        ) as evidence

    from worded_signals

)

select * from final
