with

placed_students as (

    select * from {{ ref('int_students_placed') }}

),

reviews as (

    select * from {{ ref('int_reviews_listed') }}

),

latest_reviews as (

    select * from {{ ref('int_reviews_latest') }}

),

service_events as (

    select * from {{ ref('stg_service_events__events') }}

),

settings as (

    select * from {{ ref('int_settings_pivoted') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

contacts as (

    select
        placed_students.student_key,
        max(service_events.event_date) as last_contact_date

    from service_events

    inner join placed_students
        on service_events.student_source_id = placed_students.student_source_id

    inner join run_dates
        on service_events.event_date <= run_dates.as_of_date

    where service_events.event_type = 'contact'

    group by placed_students.student_key

),

individual_reviews as (

    select
        latest_reviews.student_key,
        'individual_review' as review_kind,
        latest_reviews.reviewed_date as counted_from_date,
        latest_reviews.reviewed_date + settings.individual_review_due_days as due_date,
        latest_reviews.reviewed_date + settings.individual_review_due_days
            as latest_date

    from latest_reviews

    cross join settings

    where latest_reviews.decided_tier = '3'

),

-- The clock starts again with each review and each contact.
plan_clocks as (

    select
        latest_reviews.student_key,
        greatest(latest_reviews.reviewed_date, contacts.last_contact_date)
            as counted_from_date

    from latest_reviews

    cross join settings

    left join contacts
        on latest_reviews.student_key = contacts.student_key

    where latest_reviews.decided_tier >= settings.plan_review_from_tier

),

plan_reviews as (

    select
        plan_clocks.student_key,
        'plan_review' as review_kind,
        plan_clocks.counted_from_date,
        plan_clocks.counted_from_date + settings.plan_review_after_days as due_date,
        plan_clocks.counted_from_date + settings.plan_review_latest_days as latest_date

    from plan_clocks

    cross join settings

),

-- In June the children marked this year, in September those marked the year before.
september_days as (

    select
        school_year as marked_school_year,
        cast(school_year || '-' || carry_forward_from as date) as from_date,
        cast(school_year || '-' || carry_forward_until as date) as until_date

    from (
        select
            run_dates.school_year,
            settings.carry_forward_from,
            settings.carry_forward_until
        from run_dates
        cross join settings
        union all
        select
            run_dates.school_year - 1 as school_year,
            settings.carry_forward_from,
            settings.carry_forward_until
        from run_dates
        cross join settings
    ) as years

),

september_reviews as (

    select
        reviews.student_key,
        'september' as review_kind,
        max(reviews.reviewed_date) as counted_from_date,
        max(september_days.until_date) as due_date,
        max(september_days.until_date) as latest_date

    from reviews

    inner join september_days
        on reviews.school_year = september_days.marked_school_year

    inner join run_dates
        on
            september_days.from_date <= run_dates.as_of_date
            and september_days.until_date >= run_dates.as_of_date

    where reviews.is_carried_forward

    group by reviews.student_key

),

final as (

    select * from individual_reviews
    union all
    select * from plan_reviews
    union all
    select * from september_reviews

)

select * from final
