with

referrals as (

    select * from {{ ref('fct_referrals') }}

),

services as (

    select * from {{ ref('dim_services') }}

),

need_values as (

    select * from {{ ref('int_need_values_dated') }}

),

doses as (

    select
        referrals.student_key,
        referrals.rule_id,
        services.service_categories[1] as service_category,
        sum(referrals.attended_count) as attended_count,
        min(referrals.began_date) as began_date

    from referrals

    inner join services
        on referrals.service_id = services.service_id

    where
        referrals.began_date is not null
        and services.service_categories[1] is not null

    group by
        referrals.student_key,
        referrals.rule_id,
        services.service_categories[1]

),

-- Distinct, because a need may stand at two schools of a child: where the child is,
-- then where it was seen last.
child_values as (

    select distinct on (student_key, rule_id)
        student_key,
        rule_id,
        first_seen_date,
        last_seen_date,
        is_still_open,
        last_value - first_value as value_change

    from need_values

    order by
        student_key asc,
        rule_id asc,
        is_still_open desc nulls last,
        last_seen_date desc,
        school_key asc

),

categorized_outcomes as (

    select
        doses.rule_id,
        doses.service_category,
        child_values.value_change,
        doses.attended_count,
        child_values.is_still_open,
        child_values.value_change is not null
        and doses.began_date > child_values.first_seen_date
        and child_values.last_seen_date > doses.began_date as is_comparable

    from doses

    inner join child_values
        on
            doses.student_key = child_values.student_key
            and doses.rule_id = child_values.rule_id

),

final as (

    select
        rule_id,
        service_category,
        count(*) as student_count,
        count(*) filter (where is_comparable) as compared_count,
        count(*) filter (where not is_still_open) as closed_count,
        sum(attended_count) as attended_count,
        round(avg(value_change) filter (where is_comparable), 4) as mean_value_change,
        'Who is referred differs from others, and values change by themselves: '
        || 'no effect of a service can be read from this.' as caveat

    from categorized_outcomes

    group by
        rule_id,
        service_category

)

select * from final
