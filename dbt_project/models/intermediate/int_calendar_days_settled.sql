with

calendar_dates as (

    select * from {{ ref('stg_calendar__dates') }}

),

calendar_event_codes as (

    select * from {{ ref('calendar_event_codes') }}

),

schools as (

    select * from {{ ref('int_schools_identified') }}

),

-- Several events of a day give one answer, in the order of the seed.
final as (

    select distinct on (schools.school_key, calendar_dates.calendar_date)
        schools.school_key,
        calendar_dates.calendar_date,
        calendar_event_codes.is_instructional,
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

)

select * from final
