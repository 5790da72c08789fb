with

cycles as (

    select * from {{ ref('int_inquiry_cycles_placed') }}

),

metric_rows as (

    select * from {{ ref('fct_metrics') }}
    where group_kind = 'all'

),

metrics as (

    select * from {{ ref('dim_metrics') }}

),

inquiry_caveats as (

    select * from {{ ref('inquiry_caveats') }}

),

settings as (

    select * from {{ ref('int_settings_pivoted') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

-- Before there is a snapshot, what stands today is what will be frozen.
compared_cycles as (

    select
        cycles.cycle_id,
        cycles.school_key,
        cycles.school_source_id,
        cycles.metric_id,
        metrics.metric_version,
        cycles.cycle_scope,
        cycles.problem,
        cycles.owner_name,
        metrics.words as metric_words,
        metrics.unit,
        metrics.direction,
        run_dates.school_year,
        cycles.before_numerator,
        cycles.before_denominator,
        cycles.before_value,
        metric_rows.numerator as now_numerator,
        metric_rows.denominator as now_denominator,
        metric_rows.metric_value as now_value,
        cycles.started_date,
        cycles.review_date,
        cycles.before_date,
        run_dates.as_of_date,
        cycles.before_date is not null as has_snapshot,
        cycles.review_date <= run_dates.as_of_date as is_review_due,
        case
            when cycles.before_version = metrics.metric_version
                then metric_rows.metric_value - cycles.before_value
        end as value_change,
        array_remove(
            array[
                'not_a_proof',
                case
                    when
                        least(
                            cycles.before_denominator, metric_rows.denominator
                        ) < settings.inquiry_small_count then 'small_numbers'
                end,
                case
                    when cycles.before_version <> metrics.metric_version
                        then 'other_definition'
                end,
                case
                    when cycles.before_school_year <> run_dates.school_year
                        then 'other_year'
                end,
                case when metrics.unit = 'event' then 'counts_grow' end
            ],
            null
        ) as caveat_ids

    from cycles

    inner join metrics
        on cycles.metric_id = metrics.metric_id

    cross join settings

    cross join run_dates

    left join metric_rows
        on
            cycles.metric_id = metric_rows.metric_id
            and cycles.counted_school_key is not distinct from metric_rows.school_key

),

caveats as (

    select
        compared_cycles.cycle_id,
        compared_cycles.school_key,
        string_agg(
            inquiry_caveats.wording, ' ' order by inquiry_caveats.caveat_order
        ) as caveat

    from compared_cycles

    inner join inquiry_caveats
        on inquiry_caveats.caveat_id = any(compared_cycles.caveat_ids)

    group by
        compared_cycles.cycle_id,
        compared_cycles.school_key

),

final as (

    select
        compared_cycles.cycle_id,
        compared_cycles.school_key,
        compared_cycles.school_source_id,
        compared_cycles.metric_id,
        compared_cycles.metric_version,
        compared_cycles.cycle_scope,
        compared_cycles.problem,
        compared_cycles.owner_name,
        compared_cycles.metric_words,
        compared_cycles.unit,
        compared_cycles.direction,
        compared_cycles.school_year,
        compared_cycles.before_numerator,
        compared_cycles.before_denominator,
        compared_cycles.before_value,
        compared_cycles.now_numerator,
        compared_cycles.now_denominator,
        compared_cycles.now_value,
        compared_cycles.value_change,
        caveats.caveat,
        compared_cycles.has_snapshot,
        compared_cycles.is_review_due,
        compared_cycles.started_date,
        compared_cycles.review_date,
        compared_cycles.before_date,
        compared_cycles.as_of_date

    from compared_cycles

    inner join caveats
        on
            compared_cycles.cycle_id = caveats.cycle_id
            and compared_cycles.school_key = caveats.school_key

)

select * from final
