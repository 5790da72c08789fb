with

need_history as (

    select * from {{ ref('stg_ops__need_history') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

-- How needs stood is known of their two newest lists. Where both are of this day or
-- later, the school's list before is not known, and nothing is compared.
unknown_schools as (

    select distinct need_history.school_key

    from need_history

    inner join run_dates
        on need_history.prior_seen_date >= run_dates.as_of_date

),

-- A day that is published again is compared with the day before it, not with itself.
earlier_needs as (

    select
        need_history.student_key,
        need_history.school_key,
        need_history.rule_id,
        case
            when need_history.last_seen_date < run_dates.as_of_date
                then need_history.last_seen_date
            when need_history.prior_seen_date < run_dates.as_of_date
                then need_history.prior_seen_date
        end as seen_date,
        case
            when need_history.last_seen_date < run_dates.as_of_date
                then need_history.last_rank
            else need_history.prior_rank
        end as referral_rank,
        case
            when need_history.last_seen_date < run_dates.as_of_date
                then need_history.last_level
            else need_history.prior_level
        end as concern_level,
        case
            when need_history.last_seen_date < run_dates.as_of_date
                then need_history.last_state
            else need_history.prior_state
        end as referral_state

    from need_history

    cross join run_dates

    left join unknown_schools
        on need_history.school_key = unknown_schools.school_key

    where unknown_schools.school_key is null

),

school_dates as (

    select
        school_key,
        max(seen_date) as seen_date

    from earlier_needs

    group by school_key

),

final as (

    select
        earlier_needs.student_key,
        earlier_needs.school_key,
        earlier_needs.rule_id,
        earlier_needs.referral_rank,
        earlier_needs.concern_level,
        earlier_needs.referral_state,
        earlier_needs.seen_date,
        earlier_needs.seen_date = school_dates.seen_date as is_on_list_before

    from earlier_needs

    inner join school_dates
        on earlier_needs.school_key = school_dates.school_key

    where earlier_needs.seen_date is not null

)

select * from final
