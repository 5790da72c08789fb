with

referrals as (

    select * from {{ ref('fct_referrals') }}

),

need_history as (

    select * from {{ ref('int_need_values_dated') }}

),

services as (

    select * from {{ ref('dim_services') }}

),

doses as (

    select
        referrals.student_key,
        referrals.rule_id,
        count(*) as referral_count,
        sum(referrals.attended_count) as attended_count,
        sum(referrals.attended_minutes) as attended_minutes,
        min(referrals.began_date) as began_date,
        array_agg(
            distinct services.service_categories[1]
            order by services.service_categories[1]
        ) filter (where services.service_categories[1] is not null)
            as service_categories

    from referrals

    left join services
        on referrals.service_id = services.service_id

    where
        referrals.began_date is not null
        and referrals.rule_id is not null

    group by
        referrals.student_key,
        referrals.rule_id

),

-- Before is the value that first put the need on a list; after, the value on the last
-- list that it stood on. One child is no evidence of what a service does.
final as (

    select
        doses.student_key,
        need_history.school_key,
        doses.rule_id,
        doses.service_categories,
        doses.referral_count,
        doses.attended_count,
        doses.attended_minutes,
        need_history.first_value,
        need_history.last_value,
        need_history.is_still_open,
        doses.began_date,
        need_history.first_seen_date,
        need_history.last_seen_date,
        need_history.last_value - need_history.first_value as value_change,
        case
            when need_history.first_value is null or need_history.last_value is null
                then 'no value on one of the lists'
            when doses.began_date <= need_history.first_seen_date
                then 'the service had begun before the need was first listed'
            when need_history.last_seen_date <= doses.began_date
                then 'the need has not been listed since the service began'
            else 'a change beside a service is not a change by it'
        end as caveat

    from doses

    inner join need_history
        on
            doses.student_key = need_history.student_key
            and doses.rule_id = need_history.rule_id

)

select * from final
