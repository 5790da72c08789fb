with

referrals as (

    select * from {{ ref('fct_referrals') }}

),

services as (

    select * from {{ ref('int_services_classed') }}

),

placed_students as (

    select * from {{ ref('int_students_placed') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

-- What began or went on this school year; what was only asked for is no service yet.
year_referrals as (

    select
        referrals.student_key,
        referrals.service_id,
        bool_or(referrals.is_counted_active) as is_active,
        sum(referrals.attended_count) as session_count,
        min(referrals.began_date) as began_date

    from referrals

    inner join run_dates
        on
            referrals.state_date >= run_dates.records_start_date
            or referrals.last_contact_date >= run_dates.records_start_date

    where
        referrals.began_date is not null
        and referrals.service_id is not null

    group by
        referrals.student_key,
        referrals.service_id

),

final as (

    select
        placed_students.student_key,
        placed_students.student_source_id,
        placed_students.school_key,
        year_referrals.service_id,
        year_referrals.is_active,
        year_referrals.began_date,
        placed_students.as_of_date,
        cast(year_referrals.session_count as integer) as session_count,
        coalesce(services.category_group, 'not_known') as category_group,
        coalesce(services.delivered_by, 'not_known') as delivered_by

    from year_referrals

    inner join placed_students
        on year_referrals.student_key = placed_students.student_key

    left join services
        on year_referrals.service_id = services.service_id

)

select * from final
