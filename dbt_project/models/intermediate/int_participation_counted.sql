with

service_events as (

    select * from {{ ref('stg_service_events__events') }}

),

students as (

    select * from {{ ref('int_students_identified') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

final as (

    select
        students.student_key,
        count(*) as session_count,
        max(service_events.event_date) as last_session_date

    from service_events

    inner join run_dates
        on
            service_events.event_date >= run_dates.records_start_date
            and service_events.event_date <= run_dates.as_of_date

    inner join students
        on service_events.student_source_id = students.student_source_id

    where service_events.event_type = 'attendance'

    group by students.student_key

)

select * from final
