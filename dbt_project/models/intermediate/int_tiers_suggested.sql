with

domain_levels as (

    select * from {{ ref('int_domains_levelled') }}

),

signals as (

    select * from {{ ref('fct_signals') }}

),

tier_rules as (

    select * from {{ ref('tier_rules') }}

),

domain_counts as (

    select
        student_key,
        school_key,
        max(level_rank) as level_rank,
        count(*) filter (where level_rank >= 3) as severe_domain_count,
        count(*) filter (where level_rank >= 2) as moderate_domain_count,
        count(*) filter (where level_rank >= 1) as mild_domain_count,
        count(*) filter (where concern_level <> 'not_known') as known_domain_count

    from domain_levels

    group by
        student_key,
        school_key

),

-- The first rule that holds is taken: each row meets many rules on the way down.
chosen_rules as (

    select distinct on (domain_counts.student_key, domain_counts.school_key)
        domain_counts.student_key,
        domain_counts.school_key,
        tier_rules.tier_rule_id,
        tier_rules.suggested_tier,
        tier_rules.wording || ' (' || tier_rules.tier_rule_id || ')' as tier_reason

    from domain_counts

    inner join tier_rules
        on
            domain_counts.severe_domain_count >= tier_rules.severe_domain_count
            and domain_counts.moderate_domain_count >= tier_rules.moderate_domain_count
            and domain_counts.mild_domain_count >= tier_rules.mild_domain_count
            and domain_counts.known_domain_count >= tier_rules.known_domain_count

    order by
        domain_counts.student_key asc,
        domain_counts.school_key asc,
        tier_rules.precedence asc

),

need_reasons as (

    select
        student_key,
        school_key,
        jsonb_agg(
            wording || ' (' || rule_id || ', ' || concern_level || ')'
            order by level_rank desc, weight desc, rule_id collate "C" asc
        ) as reasons

    from signals

    where signal_kind = 'need'

    group by
        student_key,
        school_key

),

final as (

    select
        chosen_rules.student_key,
        chosen_rules.school_key,
        chosen_rules.tier_rule_id,
        chosen_rules.suggested_tier,
        jsonb_build_array(chosen_rules.tier_reason)
        || coalesce(need_reasons.reasons, cast('[]' as jsonb)) as suggested_tier_reasons

    from chosen_rules

    left join need_reasons
        on
            chosen_rules.student_key = need_reasons.student_key
            and chosen_rules.school_key = need_reasons.school_key

)

select * from final
