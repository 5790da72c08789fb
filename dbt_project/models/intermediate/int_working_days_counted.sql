with

settled_days as (

    select * from {{ ref('int_calendar_days_settled') }}

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
