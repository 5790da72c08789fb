with

metric_facts as (

    select * from {{ ref('int_metric_facts_listed') }}

),

-- Distinct, because a student counts in several metrics on one day.
final as (

    select distinct
        student_key,
        metric_date

    from metric_facts

)

select * from final
