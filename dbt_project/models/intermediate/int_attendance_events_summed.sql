with

attendance_events as (

    select * from {{ ref('stg_attendance__events') }}

),

section_events as (

    select * from {{ ref('stg_attendance__section_events') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

sums as (

    select
        school_source_id,
        sent_code,
        event_date,
        count(*) as event_count

    from attendance_events

    where event_date >= (select run_dates.year_start_date from run_dates)

    group by
        school_source_id,
        sent_code,
        event_date

    union all

    select
        school_source_id,
        sent_code,
        event_date,
        count(*) as event_count

    from section_events

    where event_date >= (select run_dates.year_start_date from run_dates)

    group by
        school_source_id,
        sent_code,
        event_date

),

final as (

    select
        school_source_id,
        sent_code,
        {{ code_of('sent_code') }} as attendance_code,
        event_date,
        sum(event_count) as event_count

    from sums

    group by
        school_source_id,
        sent_code,
        event_date

)

select * from final
