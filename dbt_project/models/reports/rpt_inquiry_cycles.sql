with

inquiry_cycles as (

    select * from {{ ref('fct_inquiry_cycles') }}

),

final as (

    select
        cycle_id,
        school_key,
        school_source_id,
        metric_id,
        metric_version,
        cycle_scope,
        problem,
        owner_name,
        metric_words,
        unit,
        direction,
        school_year,
        before_numerator,
        before_denominator,
        before_value,
        now_numerator,
        now_denominator,
        now_value,
        value_change,
        caveat,
        has_snapshot,
        is_review_due,
        started_date,
        review_date,
        before_date,
        as_of_date

    from inquiry_cycles

)

select * from final
