with

need_outcomes as (

    select * from {{ ref('fct_need_outcomes') }}

),

categorized_outcomes as (

    select
        need_outcomes.rule_id,
        categories.service_category,
        need_outcomes.student_key,
        need_outcomes.value_change,
        need_outcomes.attended_count,
        need_outcomes.is_still_open,
        need_outcomes.value_change is not null
        and need_outcomes.began_date > need_outcomes.first_seen_date
        and need_outcomes.last_seen_date > need_outcomes.began_date as is_comparable

    from need_outcomes

    cross join
        unnest(need_outcomes.service_categories) as categories (service_category)

),

final as (

    select
        rule_id,
        service_category,
        count(distinct student_key) as student_count,
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
