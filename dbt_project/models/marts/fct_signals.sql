with

spoken_signals as (

    select * from {{ ref('int_signals_spoken') }}

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

-- Numbers as a reader meets them; the exact ones decided already.
final as (

    select
        spoken_signals.student_key,
        spoken_signals.school_key,
        spoken_signals.rule_id,
        spoken_signals.indicator_id,
        indicators.domain,
        spoken_signals.signal_kind,
        spoken_signals.concern_level,
        spoken_signals.comparison,
        indicators.source_feed,
        spoken_signals.rule_version,
        spoken_signals.level_rank,
        spoken_signals.weight,
        spoken_signals.opens_referral,
        run_dates.as_of_date,
        coalesce(spoken_signals.data_through_date, feeds.data_through_date)
            as data_through_date,
        trim_scale(
            round(
                spoken_signals.numerator
                / case
                    when indicators.unit = 'share'
                        then spoken_signals.denominator
                    else 1
                end,
                4
            )
        ) as measured_value,
        trim_scale(
            round(
                cast(spoken_signals.threshold_numerator as numeric)
                / spoken_signals.threshold_denominator,
                4
            )
        ) as threshold_value,
        {{ worded('spoken_signals') }} as wording

    from spoken_signals

    inner join indicators
        on spoken_signals.indicator_id = indicators.indicator_id

    cross join run_dates

    left join feeds
        on indicators.source_feed = feeds.feed

)

select * from final
