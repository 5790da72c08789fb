with

placed_students as (

    select * from {{ ref('int_students_placed') }}

),

domain_levels as (

    select * from {{ ref('int_domains_levelled') }}

),

signals as (

    select * from {{ ref('fct_signals') }}

),

held_students as (

    select * from {{ ref('int_students_held') }}

),

indicators as (

    select * from {{ ref('indicators') }}

),

told_signals as (

    select
        signals.student_key,
        signals.school_key,
        signals.domain,
        signals.rule_id,
        signals.signal_kind,
        signals.level_rank,
        signals.weight,
        evidence_item

    from signals

    cross join {{ evidence_item('signals') }} as evidence_item

),

-- Gathered as rows, which then become JSON at once: as JSON they would be copied twice.
evidence_lists as (

    select
        student_key,
        school_key,
        domain,
        to_jsonb(
            array_agg(
                evidence_item
                order by
                    level_rank desc,
                    weight desc,
                    signal_kind desc,
                    rule_id collate "C" asc
            )
        ) as evidence

    from told_signals

    group by
        student_key,
        school_key,
        domain

),

-- Distinct, because several measures of a domain may come from one feed. A held roster
-- row touches the whole child.
held_domains as (

    select distinct
        held_students.student_source_id,
        indicators.domain

    from held_students

    inner join indicators
        on
            held_students.feed = indicators.source_feed
            or held_students.feed = 'roster'

),

final as (

    select
        placed_students.student_key,
        placed_students.student_source_id,
        placed_students.school_key,
        placed_students.school_source_id,
        domain_levels.domain,
        domain_levels.concern_level as level,
        placed_students.as_of_date,
        cast(domain_levels.strength_count as integer) as strength_count,
        cast(domain_levels.need_count as integer) as need_count,
        coalesce(evidence_lists.evidence, cast('[]' as jsonb)) as evidence,
        held_domains.domain is not null as is_held

    from placed_students

    inner join domain_levels
        on
            placed_students.student_key = domain_levels.student_key
            and placed_students.school_key = domain_levels.school_key

    left join evidence_lists
        on
            domain_levels.student_key = evidence_lists.student_key
            and domain_levels.school_key = evidence_lists.school_key
            and domain_levels.domain = evidence_lists.domain

    left join held_domains
        on
            placed_students.student_source_id = held_domains.student_source_id
            and domain_levels.domain = held_domains.domain

)

select * from final
