with

schedules as (

    select * from {{ ref('stg_providers__schedules') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

schedule_texts as (

    select
        schedules.service_id,
        schedules.schedule_id,
        coalesce(
            nullif(schedules.schedule_text, ''),
            nullif(
                concat_ws(
                    ' ',
                    schedules.week_days,
                    nullif(
                        concat_ws(
                            '–', schedules.opens_at_time, schedules.closes_at_time
                        ),
                        ''
                    )
                ),
                ''
            )
        ) as schedule_text

    from schedules

    inner join run_dates
        on coalesce(schedules.to_date >= run_dates.as_of_date, true)

    where schedules.service_id is not null

),

final as (

    select
        service_id,
        string_agg(
            schedule_text, '; '
            order by schedule_text collate "C", schedule_id collate "C"
        ) as schedule_text

    from schedule_texts

    where schedule_text is not null

    group by service_id

)

select * from final
