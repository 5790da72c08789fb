with

feed_states as (

    select * from {{ ref('stg_ops__feed_states') }}

),

arrivals as (

    select * from {{ ref('stg_ops__arrivals') }}

),

feed_freshness as (

    select * from {{ ref('feed_freshness') }}

),

attendance_events as (

    select * from {{ ref('int_attendance_events_summed') }}

),

incidents as (

    select * from {{ ref('stg_discipline__incidents') }}

),

results as (

    select * from {{ ref('stg_grades__results') }}

),

reviews as (

    select * from {{ ref('stg_reviews__reviews') }}

),

service_events as (

    select * from {{ ref('stg_service_events__events') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

-- What the data themselves say, where the ledger has no day.
data_days as (

    select
        'attendance' as feed,
        max(event_date) as last_date
    from attendance_events
    union all
    select
        'discipline' as feed,
        max(incident_date) as last_date
    from incidents
    union all
    select
        'grades' as feed,
        max(score_date) as last_date
    from results
    union all
    select
        'reviews' as feed,
        max(reviewed_date) as last_date
    from reviews
    union all
    select
        'service_events' as feed,
        max(event_date) as last_date
    from service_events

),

loaded_feeds as (

    select
        feed,
        max(last_loaded_at) as last_loaded_at

    from feed_states

    group by feed

),

newest_arrivals as (

    select
        feed,
        sender,
        max(arrival_id) as arrival_id

    from arrivals

    where arrival_state <> 'pending'

    group by
        feed,
        sender

),

-- The newest delivery was refused or braked, and nothing has been loaded since.
set_aside_feeds as (

    select
        arrivals.feed,
        max(cast(arrivals.last_received_at at time zone 'UTC' as date))
            as set_aside_date

    from arrivals

    inner join newest_arrivals
        on arrivals.arrival_id = newest_arrivals.arrival_id

    inner join feed_states
        on
            arrivals.feed = feed_states.feed
            and arrivals.sender = feed_states.sender
            and arrivals.last_received_at > feed_states.last_loaded_at

    where arrivals.arrival_state in ('refused', 'braked')

    group by arrivals.feed

),

final as (

    select
        loaded_feeds.feed,
        feed_freshness.measured_by,
        feed_freshness.stale_after_days,
        loaded_feeds.last_loaded_at,
        set_aside_feeds.set_aside_date,
        case
            when data_days.last_date is not null
                then
                    least(
                        data_days.last_date,
                        run_dates.as_of_date
                    )
        end as data_through_date

    from loaded_feeds

    cross join run_dates

    left join data_days
        on loaded_feeds.feed = data_days.feed

    left join feed_freshness
        on loaded_feeds.feed = feed_freshness.feed

    left join set_aside_feeds
        on loaded_feeds.feed = set_aside_feeds.feed

)

select * from final
