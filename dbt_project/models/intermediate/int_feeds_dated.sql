with

feed_states as (

    select * from {{ ref('stg_ops__feed_states') }}

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

final as (

    select
        loaded_feeds.feed,
        feed_freshness.measured_by,
        feed_freshness.stale_after_days,
        loaded_feeds.last_loaded_at,
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

)

select * from final
