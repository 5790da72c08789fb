with

source as (

    select * from {{ source('raw', 'reviews__reviews') }}

),

final as (

    select
        review_id,
        _student_source_id as student_source_id,
        _school_source_id as school_source_id,
        class_id as class_source_id,
        reviewed_by as reviewer_id,
        school_year,
        season as review_season,
        tier as decided_tier,
        tier_system,
        interests as interest_codes,
        carry_forward as is_carried_forward,
        _held as is_held,
        reviewed_on as reviewed_date,
        coalesce(nullif(kind, ''), 'whole_class') as review_kind

    from source

    where
        _deleted_at is null
        and {{ is_told_of_child('_student_source_id') }}

)

select * from final
