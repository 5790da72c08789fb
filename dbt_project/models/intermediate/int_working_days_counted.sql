with

calendar_dates as (

    select * from {{ ref('stg_calendar__dates') }}

),

schools as (

    select * from {{ ref('dim_schools') }}

),

calendar_event_codes as (

    select * from {{ ref('calendar_event_codes') }}

),

-- Several events of a day are settled as they are for instruction.
settled_days as (

    select distinct on (schools.school_key, calendar_dates.calendar_date)
        schools.school_key,
        calendar_dates.calendar_date,
        calendar_event_codes.is_working

    from calendar_dates

    inner join schools
        on calendar_dates.school_source_id = schools.school_source_id

    inner join calendar_event_codes
        on
            lower(calendar_dates.calendar_event_code)
            = lower(calendar_event_codes.calendar_event_code)

    order by
        schools.school_key asc,
        calendar_dates.calendar_date asc,
        calendar_event_codes.precedence asc

),

calendar_spans as (

    select
        school_key,
        min(calendar_date) as first_date,
        max(calendar_date) as last_date

    from settled_days

    group by school_key

),

-- Every day from the calendar's first to its last, so that a clock may start on any.
spanned_days as (

    select
        calendar_spans.school_key,
        cast(spanned.day_at as date) as calendar_date

    from calendar_spans

    cross join
        generate_series(
            cast(calendar_spans.first_date as timestamp),
            cast(calendar_spans.last_date as timestamp),
            interval '1 day'
        ) as spanned (day_at)

),

final as (

    select
        spanned_days.school_key,
        spanned_days.calendar_date,
        cast(
            count(*) filter (where settled_days.is_working) over (
                partition by spanned_days.school_key
                order by spanned_days.calendar_date
            ) as integer
        ) as working_day_count,
        coalesce(settled_days.is_working, false) as is_working

    from spanned_days

    left join settled_days
        on
            spanned_days.school_key = settled_days.school_key
            and spanned_days.calendar_date = settled_days.calendar_date

)

select * from final
