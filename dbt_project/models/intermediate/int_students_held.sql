with

users as (

    select * from {{ ref('stg_roster__users') }}

),

demographics as (

    select * from {{ ref('stg_roster__demographics') }}

),

school_associations as (

    select * from {{ ref('stg_roster__school_associations') }}

),

education_associations as (

    select * from {{ ref('stg_roster__education_associations') }}

),

enrollments as (

    select * from {{ ref('stg_roster__enrollments') }}

),

attendance_events as (

    select * from {{ ref('stg_attendance__events') }}

),

section_events as (

    select * from {{ ref('stg_attendance__section_events') }}

),

results as (

    select * from {{ ref('stg_grades__results') }}

),

student_behaviors as (

    select * from {{ ref('stg_discipline__student_behaviors') }}

),

actions as (

    select * from {{ ref('stg_discipline__actions') }}

),

reviews as (

    select * from {{ ref('stg_reviews__reviews') }}

),

-- Union takes each student and feed once.
final as (

    select
        user_source_id as student_source_id,
        'roster' as feed
    from users
    where is_held
    union distinct
    select
        student_source_id,
        'roster' as feed
    from school_associations
    where is_held
    union distinct
    select
        student_source_id,
        'roster' as feed
    from education_associations
    where is_held
    union distinct
    select
        user_source_id as student_source_id,
        'roster' as feed
    from demographics
    where is_held
    union distinct
    select
        user_source_id as student_source_id,
        'roster' as feed
    from enrollments
    where is_held
    union distinct
    select
        student_source_id,
        'attendance' as feed
    from attendance_events
    where is_held
    union distinct
    select
        student_source_id,
        'attendance' as feed
    from section_events
    where is_held
    union distinct
    select
        student_source_id,
        'grades' as feed
    from results
    where is_held
    union distinct
    select
        student_source_id,
        'discipline' as feed
    from student_behaviors
    where is_held
    union distinct
    select
        student_source_id,
        'discipline' as feed
    from actions
    where is_held
    union distinct
    select
        student_source_id,
        'reviews' as feed
    from reviews
    where is_held

)

select * from final
