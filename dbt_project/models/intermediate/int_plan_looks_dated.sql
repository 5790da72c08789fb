with

students as (

    select * from {{ ref('int_students_identified') }}

),

reviews as (

    select * from {{ ref('stg_reviews__reviews') }}

),

service_events as (

    select * from {{ ref('stg_service_events__events') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

looks as (

    select
        student_source_id,
        event_date as contact_date,
        cast(null as date) as individual_review_date

    from service_events

    where event_type = 'contact'

    union all

    select
        student_source_id,
        null as contact_date,
        reviewed_date as individual_review_date

    from reviews

    where review_kind = 'individual'

),

final as (

    select
        students.student_key,
        max(looks.individual_review_date) as last_individual_review_date,
        max(looks.contact_date) as last_contact_date

    from looks

    inner join run_dates
        on
            coalesce(looks.contact_date, looks.individual_review_date)
            <= run_dates.as_of_date

    inner join students
        on looks.student_source_id = students.student_source_id

    group by students.student_key

)

select * from final
