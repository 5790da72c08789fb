with

metrics as (

    select * from {{ ref('metrics') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

-- Old years keep their definition.
final as (

    select
        metrics.metric_id,
        metrics.metric_version,
        metrics.indicator_number,
        metrics.words,
        metrics.numerator as numerator_words,
        metrics.denominator as denominator_words,
        metrics.unit,
        metrics.direction,
        metrics.comparator,
        metrics.baseline,
        metrics.target,
        metrics.reduction_percent,
        metrics.baseline_year,
        metrics.target_year,
        metrics.is_computed,
        metrics.not_known_because,
        metrics.suppression_policy,
        metrics.note,
        metrics.source

    from metrics

    inner join run_dates
        on
            coalesce(metrics.from_school_year <= run_dates.school_year, true)
            and coalesce(metrics.to_school_year >= run_dates.school_year, true)

)

select * from final
