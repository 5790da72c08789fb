with

placed_students as (

    select * from {{ ref('int_students_placed') }}

),

domains as (

    select * from {{ ref('domains') }}

),

signals as (

    select * from {{ ref('fct_signals') }}

),

measured_indicators as (

    select * from {{ ref('int_indicators_listed') }}

),

indicators as (

    select * from {{ ref('indicators') }}

),

concern_levels as (

    select * from {{ ref('concern_levels') }}

),

-- Distinct, because several measures may clear one domain.
cleared_domains as (

    select distinct
        measured_indicators.student_key,
        measured_indicators.school_key,
        indicators.domain

    from measured_indicators

    inner join indicators
        on measured_indicators.indicator_id = indicators.indicator_id

    where indicators.can_clear_domain

),

signal_sums as (

    select
        student_key,
        school_key,
        domain,
        max(level_rank) as level_rank,
        count(*) filter (where signal_kind = 'need') as need_count,
        count(*) filter (where signal_kind = 'strength') as strength_count

    from signals

    group by
        student_key,
        school_key,
        domain

),

-- Missing data is not known, never no concern.
final as (

    select
        placed_students.student_key,
        placed_students.school_key,
        domains.domain,
        domains.domain_order,
        case
            when signal_sums.need_count > 0 then concern_levels.concern_level
            when cleared_domains.domain is not null then 'no_concern'
            else 'not_known'
        end as concern_level,
        case when signal_sums.need_count > 0 then signal_sums.level_rank else 0 end
            as level_rank,
        coalesce(signal_sums.need_count, 0) as need_count,
        coalesce(signal_sums.strength_count, 0) as strength_count

    from placed_students

    cross join domains

    left join signal_sums
        on
            placed_students.student_key = signal_sums.student_key
            and placed_students.school_key = signal_sums.school_key
            and domains.domain = signal_sums.domain

    left join concern_levels
        on signal_sums.level_rank = concern_levels.level_rank

    left join cleared_domains
        on
            placed_students.student_key = cleared_domains.student_key
            and placed_students.school_key = cleared_domains.school_key
            and domains.domain = cleared_domains.domain

)

select * from final
