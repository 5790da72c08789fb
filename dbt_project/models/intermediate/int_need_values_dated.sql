with

need_history as (

    select * from {{ ref('stg_ops__need_history') }}

),

needs as (

    select * from {{ ref('int_needs_opened') }}

),

placed_students as (

    select * from {{ ref('int_students_placed') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

-- A need that is open has its value of tonight; one that is not, that of its last list.
-- Of a child who left the school nobody knows whether it is.
final as (

    select
        need_history.student_key,
        need_history.school_key,
        need_history.rule_id,
        need_history.first_value,
        need_history.first_seen_date,
        case
            when
                needs.need_id is not null
                then cast(needs.evidence ->> 'value' as numeric)
            else need_history.last_value
        end as last_value,
        case
            when placed_students.student_key is not null then needs.need_id is not null
        end as is_still_open,
        case
            when needs.need_id is not null then run_dates.as_of_date
            else need_history.last_seen_date
        end as last_seen_date

    from need_history

    cross join run_dates

    left join needs
        on
            need_history.student_key = needs.student_key
            and need_history.school_key = needs.school_key
            and need_history.rule_id = needs.rule_id

    left join placed_students
        on
            need_history.student_key = placed_students.student_key
            and need_history.school_key = placed_students.school_key

)

select * from final
