with

source as (

    select * from {{ source('raw', 'competencies__results') }}

),

final as (

    select
        competency_id,
        _student_source_id as student_source_id,
        academic_subject,
        level as competency_level,
        _held as is_held,
        assessed_on as assessed_date

    from source

    where
        _deleted_at is null
        and {{ is_told_of_child('_student_source_id') }}

)

select * from final
