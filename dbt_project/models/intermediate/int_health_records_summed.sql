with

records as (

    select * from {{ ref('stg_health__records') }}

),

health_outcomes as (

    select * from {{ ref('health_outcomes') }}

),

students as (

    select * from {{ ref('int_students_identified') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

-- Distinct, because a kind is recorded again and again: the latest of the year speaks.
latest_records as (

    select distinct on (students.student_key, records.record_kind)
        students.student_key,
        records.record_kind,
        health_outcomes.outcome_kind,
        records.recorded_date,
        records.record_kind not in ('immunizations', 'health_plan') as is_screening,
        replace(split_part(records.record_kind, '_screening', 1), '_', ' ')
            as kind_words

    from records

    inner join run_dates
        on
            records.recorded_date >= run_dates.records_start_date
            and records.recorded_date <= run_dates.as_of_date

    inner join students
        on records.student_source_id = students.student_source_id

    inner join health_outcomes
        on lower(records.outcome) = lower(health_outcomes.outcome)

    order by
        students.student_key asc,
        records.record_kind asc,
        records.recorded_date desc

),

final as (

    select
        student_key,
        count(*) filter (where is_screening) as screening_count,
        count(*) filter (where is_screening and outcome_kind = 'well')
            as screening_passed_count,
        count(*) filter (where is_screening and outcome_kind = 'follow_up')
            as follow_up_count,
        count(*) filter (where is_screening and outcome_kind = 'due') as due_count,
        string_agg(kind_words, ', ' order by record_kind collate "C") filter (
            where is_screening and outcome_kind = 'follow_up'
        ) as follow_up_words,
        string_agg(kind_words, ', ' order by record_kind collate "C") filter (
            where is_screening and outcome_kind = 'due'
        ) as due_words,
        bool_or(outcome_kind <> 'well') filter (where record_kind = 'immunizations')
            as has_immunizations_due,
        coalesce(bool_or(record_kind = 'health_plan'), false) as has_health_plan,
        max(recorded_date) as last_recorded_date

    from latest_records

    group by student_key

)

select * from final
