with

source as (

    select * from {{ source('raw', 'calendar__dates') }}

),

final as (

    select
        _school_source_id as school_source_id,
        calendar_code,
        {{ code_of('calendar_event_descriptor') }} as calendar_event_code,
        date as calendar_date

    from source

    where _deleted_at is null

)

select * from final
