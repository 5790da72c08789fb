with

source as (

    select * from {{ source('raw', 'providers__schedules') }}

),

final as (

    select
        id as schedule_id,
        service_id,
        service_at_location_id,
        byday as week_days,
        {{ clock_time('opens_at') }} as opens_at_time,
        {{ clock_time('closes_at') }} as closes_at_time,
        description as schedule_text,
        least(valid_to, until) as to_date

    from source

    where _deleted_at is null

)

select * from final
