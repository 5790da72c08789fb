with

signals as (

    select * from {{ ref('fct_signals') }}

),

placed_students as (

    select * from {{ ref('int_students_placed') }}

),

review_domains as (

    select * from {{ ref('int_review_domains_latest') }}

),

referrals as (

    select * from {{ ref('fct_referrals') }}

),

need_history as (

    select * from {{ ref('stg_ops__need_history') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

-- Distinct, because a rule may have several open referrals.
followed_rules as (

    select distinct
        student_key,
        rule_id

    from referrals

    where is_open

),

-- Codes of needs that people named: a service that answers them fits best.
named_needs as (

    select
        student_key,
        need_codes,
        'review_' || domain as indicator_id

    from review_domains

),

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
        named_needs.need_codes,
        run_dates.as_of_date,
        run_dates.previous_as_of_date,
        {{
            need_id(
                'placed_students.student_source_id',
                'placed_students.later_key',
                'placed_students.school_source_id',
                'signals.rule_id'
            )
        }} as need_id,
        coalesce(need_history.first_seen_date, run_dates.as_of_date) as opened_date,
        to_jsonb(evidence_item) as evidence

    from signals

    inner join placed_students
        on
            signals.student_key = placed_students.student_key
            and signals.school_key = placed_students.school_key

    cross join run_dates

    cross join {{ evidence_item('signals') }} as evidence_item

    left join named_needs
        on
            signals.student_key = named_needs.student_key
            and signals.indicator_id = named_needs.indicator_id

    left join followed_rules
        on
            signals.student_key = followed_rules.student_key
            and signals.rule_id = followed_rules.rule_id

    left join need_history
        on
            signals.student_key = need_history.student_key
            and signals.school_key = need_history.school_key
            and signals.rule_id = need_history.rule_id
            and run_dates.as_of_date >= need_history.first_seen_date
            -- Unless it was gone when this school year began: then it opens anew. The
            -- year's first list goes on from the last one of the year before.
            and need_history.last_seen_date
            >= least(run_dates.year_start_date, run_dates.previous_as_of_date)

    where
        signals.signal_kind = 'need'
        and signals.level_rank > 0
        and (signals.opens_referral or followed_rules.rule_id is not null)

)

select * from final
