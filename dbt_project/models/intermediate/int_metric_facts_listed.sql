with

stay_facts as (

    select * from {{ ref('int_metric_stays_listed') }}

),

answers as (

    select * from {{ ref('int_metric_answers_listed') }}

),

-- A child at two schools is one child of the district.
district_answers as (

    select
        metric_id,
        student_key,
        cast(null as integer) as school_key,
        max(metric_date) as metric_date,
        max(numerator) as numerator

    from answers

    group by
        metric_id,
        student_key

),

final as (

    select
        metric_id,
        student_key,
        school_key,
        metric_date,
        numerator,
        denominator
    from stay_facts
    union all
    select
        metric_id,
        student_key,
        school_key,
        metric_date,
        numerator,
        1 as denominator
    from answers
    union all
    select
        metric_id,
        student_key,
        school_key,
        metric_date,
        numerator,
        1 as denominator
    from district_answers

)

select * from final
