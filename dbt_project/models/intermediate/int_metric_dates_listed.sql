with

metric_facts as (

    select * from {{ ref('int_metric_facts_listed') }}

),

placed_students as (

    select * from {{ ref('int_students_placed') }}

),

-- Union takes each day once: a student counts in several metrics on one day, and who
-- is on a list is asked about on the as-of day.
final as (

    select
        student_key,
        metric_date
    from metric_facts
    union distinct
    select
        student_key,
        as_of_date as metric_date
    from placed_students

)

select * from final
