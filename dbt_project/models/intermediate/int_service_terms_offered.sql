with

services as (

    select * from {{ ref('stg_providers__services') }}

),

schedules as (

    select * from {{ ref('int_schedules_dated') }}

),

cost_options as (

    select * from {{ ref('stg_providers__cost_options') }}

),

required_documents as (

    select * from {{ ref('stg_providers__required_documents') }}

),

settings as (

    select * from {{ ref('int_settings_pivoted') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

-- During lessons: on weekdays only, from after lessons begin until before they end.
-- What is held no more says nothing, unless it is all there is, nor does
-- what is no time.
service_hours as (

    select
        schedules.service_id,
        bool_and(schedules.has_ended) as has_ended,
        bool_and(
            schedules.opens_at_time >= settings.school_day_starts
            and schedules.opens_at_time < settings.school_day_ends
            and coalesce(schedules.closes_at_time <= settings.school_day_ends, true)
            and schedules.week_days !~ '(SA|SU)'
        ) filter (
            where not schedules.has_ended and schedules.opens_at_time ~ '^\d\d:\d\d$'
        ) as is_during_lessons

    from schedules

    cross join settings

    group by schedules.service_id

),

valid_costs as (

    select
        cost_options.service_id,
        cost_options.cost_option_id,
        cost_options.cost_amount,
        coalesce(
            nullif(cost_options.cost_text, ''),
            concat_ws(' ', cost_options.cost_amount, cost_options.currency_code)
        ) as cost_text

    from cost_options

    inner join run_dates
        on
            coalesce(cost_options.from_date <= run_dates.as_of_date, true)
            and coalesce(cost_options.to_date >= run_dates.as_of_date, true)

),

-- One free option makes it free for whoever needs it so.
costs as (

    select
        service_id,
        bool_or(cost_amount = 0) as is_free,
        string_agg(cost_text, ', ' order by cost_option_id collate "C") as cost_text

    from valid_costs

    group by service_id

),

documents as (

    select
        service_id,
        string_agg(
            document_text, ', ' order by required_document_id collate "C"
        ) as document_text

    from required_documents

    where service_id is not null

    group by service_id

),

final as (

    select
        services.service_id,
        costs.cost_text,
        documents.document_text,
        service_hours.is_during_lessons,
        costs.is_free,
        coalesce(service_hours.has_ended, false) as has_ended

    from services

    left join service_hours
        on services.service_id = service_hours.service_id

    left join costs
        on services.service_id = costs.service_id

    left join documents
        on services.service_id = documents.service_id

)

select * from final
