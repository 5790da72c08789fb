with

need_rules as (

    select * from {{ ref('need_rules') }}

),

indicators as (

    select * from {{ ref('indicators') }}

),

concern_levels as (

    select * from {{ ref('concern_levels') }}

),

grade_levels as (

    select * from {{ ref('grade_levels') }}

),

final as (

    select
        need_rules.rule_id,
        indicators.indicator_id,
        indicators.domain,
        need_rules.rule_kind,
        need_rules.comparison,
        need_rules.concern_level,
        need_rules.wording,
        indicators.source_feed,
        indicators.unit,
        need_rules.rule_version,
        need_rules.threshold_numerator,
        need_rules.threshold_denominator,
        need_rules.weight,
        first_grades.grade_order as first_grade_order,
        last_grades.grade_order as last_grade_order,
        need_rules.opens_referral,
        coalesce(concern_levels.level_rank, 0) as level_rank,
        trim_scale(
            round(
                cast(need_rules.threshold_numerator as numeric)
                / need_rules.threshold_denominator,
                4
            )
        ) as threshold_value

    from need_rules

    inner join indicators
        on need_rules.indicator_id = indicators.indicator_id

    left join concern_levels
        on need_rules.concern_level = concern_levels.concern_level

    left join grade_levels as first_grades
        on need_rules.grade_from = first_grades.grade_code

    left join grade_levels as last_grades
        on need_rules.grade_to = last_grades.grade_code

)

select * from final
