with

schedules as (

    select * from {{ ref('int_schedules_dated') }}

),

-- Distinct, for a service may keep the same hours at each of its places.
schedule_texts as (

    select distinct
        service_id,
        coalesce(
            nullif(schedule_text, ''),
            nullif(
                concat_ws(
                    ' ',
                    week_days,
                    nullif(
                        concat_ws('–', opens_at_time, closes_at_time), ''
                    )
                ),
                ''
            )
        ) as schedule_text

    from schedules

    where not has_ended

),

final as (

    select
        service_id,
        string_agg(
            schedule_text, '; '
            order by schedule_text collate "C"
        ) as schedule_text

    from schedule_texts

    where schedule_text is not null

    group by service_id

)

select * from final
