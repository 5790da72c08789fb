with

schools as (

    select * from {{ ref('int_schools_identified') }}

),

review_counts as (

    select * from {{ ref('int_fidelity_reviews_counted') }}

),

assignments as (

    select * from {{ ref('stg_staff__assignments') }}

),

school_days as (

    select * from {{ ref('int_instructional_days_resolved') }}

),

services as (

    select * from {{ ref('int_services_classed') }}

),

service_events as (

    select * from {{ ref('stg_service_events__events') }}

),

placed_students as (

    select * from {{ ref('int_students_placed') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

first_days as (

    select
        school_key,
        min(school_day_date) as first_date

    from school_days

    group by school_key

),

openings as (

    select
        first_days.school_key,
        max(cast(assignments.staff_id is not null as integer)) as numerator

    from first_days

    inner join schools
        on first_days.school_key = schools.school_key

    left join assignments
        on
            schools.school_source_id = assignments.school_source_id
            and first_days.first_date >= assignments.begin_date
            and coalesce(first_days.first_date < assignments.end_date, true)
            and assignments.staff_role = 'site_coordinator'

    group by first_days.school_key

),

partnerships as (

    select
        placed_students.school_key,
        count(distinct placed_students.student_key) as student_count

    from placed_students

    inner join service_events
        on placed_students.student_source_id = service_events.student_source_id

    inner join services
        on service_events.service_id = services.service_id

    inner join run_dates
        on
            service_events.event_date >= run_dates.records_start_date
            and service_events.event_date <= run_dates.as_of_date

    where
        services.delivered_by = 'community_provider'
        and service_events.event_type = 'attendance'

    group by placed_students.school_key

),

final as (

    select
        openings.school_key,
        'ready_at_opening' as measure_id,
        openings.numerator,
        1 as denominator

    from openings

    union all

    select
        review_counts.school_key,
        listed.measure_id,
        listed.numerator,
        listed.denominator

    from review_counts

    left join partnerships
        on review_counts.school_key = partnerships.school_key

    cross join lateral (
        values
        ('class_reviews', review_counts.season_count, review_counts.student_count),
        (
            'individual_reviews',
            review_counts.individual_review_count,
            review_counts.tier_three_count
        ),
        (
            'community_partnerships',
            coalesce(partnerships.student_count, 0),
            review_counts.student_count
        ),
        ('physical_health', review_counts.health_count, review_counts.reviewed_count),
        (
            'family_partnerships',
            review_counts.contact_count,
            review_counts.plan_tier_count
        ),
        ('end_of_year', review_counts.spring_count, review_counts.plan_tier_count)
    ) as listed (measure_id, numerator, denominator)

)

select * from final
