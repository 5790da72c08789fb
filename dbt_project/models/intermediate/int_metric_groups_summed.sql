with

metric_facts as (

    select * from {{ ref('int_metric_facts_listed') }}

),

student_groups as (

    select * from {{ ref('int_student_groups_dated') }}

),

network_schools as (

    select * from {{ ref('network_schools') }}

),

schools as (

    select * from {{ ref('int_schools_identified') }}

),

student_sums as (

    select
        metric_facts.metric_id,
        metric_facts.school_key,
        student_groups.group_kind,
        student_groups.student_group,
        cast(sum(metric_facts.numerator) as numeric) as numerator,
        sum(metric_facts.denominator) as denominator

    from metric_facts

    inner join student_groups
        on
            metric_facts.student_key = student_groups.student_key
            and metric_facts.metric_date = student_groups.metric_date

    group by
        metric_facts.metric_id,
        metric_facts.school_key,
        student_groups.group_kind,
        student_groups.student_group

),

-- Of the schools that were in the network on the day. A child at two of them is one
-- child, with what holds at either; each event counts.
network_children as (

    select
        metric_facts.metric_id,
        network_schools.network_id,
        coalesce(
            sum(metric_facts.numerator) filter (where metric_facts.denominator = 0), 0
        )
        + coalesce(
            max(metric_facts.numerator) filter (where metric_facts.denominator > 0), 0
        ) as numerator,
        max(metric_facts.denominator) as denominator

    from metric_facts

    inner join schools
        on metric_facts.school_key = schools.school_key

    inner join network_schools
        on
            schools.school_source_id = network_schools.school_source_id
            and metric_facts.metric_date >= network_schools.from_date
            and coalesce(metric_facts.metric_date < network_schools.to_date, true)

    group by
        metric_facts.metric_id,
        metric_facts.student_key,
        network_schools.network_id

),

network_sums as (

    select
        metric_id,
        cast(null as integer) as school_key,
        'network' as group_kind,
        network_id as student_group,
        cast(sum(numerator) as numeric) as numerator,
        cast(sum(denominator) as bigint) as denominator

    from network_children

    group by
        metric_id,
        network_id

),

final as (

    select * from student_sums
    union all
    select * from network_sums

)

select * from final
