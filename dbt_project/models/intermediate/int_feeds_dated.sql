with

feed_states as (

    select * from {{ ref('stg_ops__feed_states') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

final as (

    select
        feed_states.feed,
        least(max(feed_states.data_through_date), max(run_dates.as_of_date))
            as data_through_date,
        max(feed_states.last_loaded_at) as last_loaded_at

    from feed_states

    cross join run_dates

    group by feed_states.feed

)

select * from final
