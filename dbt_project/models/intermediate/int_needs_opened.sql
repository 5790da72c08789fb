with

signals as (

    select * from {{ ref('fct_signals') }}

),

placed_students as (

    select * from {{ ref('int_students_placed') }}

),

need_history as (

    select * from {{ ref('stg_ops__need_history') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

-- The id speaks of student, school and rule, so a need keeps it when its level changes.
final as (

    select
        signals.student_key,
        placed_students.student_source_id,
        signals.school_key,
        placed_students.school_source_id,
        signals.rule_id,
        signals.domain,
        signals.concern_level,
        signals.wording,
        signals.rule_version,
        signals.level_rank,
        placed_students.age_years,
        signals.evidence,
        run_dates.as_of_date,
        run_dates.previous_as_of_date,
        md5(
            concat_ws(
                '|',
                placed_students.student_source_id,
                placed_students.school_source_id,
                signals.rule_id
            )
        ) as need_id,
        coalesce(need_history.first_seen_date, run_dates.as_of_date) as opened_date

    from signals

    inner join placed_students
        on
            signals.student_key = placed_students.student_key
            and signals.school_key = placed_students.school_key

    cross join run_dates

    left join need_history
        on
            signals.student_key = need_history.student_key
            and signals.school_key = need_history.school_key
            and signals.rule_id = need_history.rule_id
            and run_dates.as_of_date >= need_history.first_seen_date

    where
        signals.signal_kind = 'need'
        and signals.opens_referral
        and signals.level_rank > 0

)

select * from final
