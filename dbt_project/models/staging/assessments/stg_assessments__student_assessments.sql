with

source as (

    select * from {{ source('raw', 'assessments__student_assessments') }}

),

final as (

    select
        student_assessment_identifier as student_assessment_id,
        _student_source_id as student_source_id,
        assessment_identifier as assessment_id,
        title as assessment_title,
        score_result as score,
        _held as is_held,
        administration_date as administered_date,
        {{ code_of('academic_subject') }} as academic_subject,
        {{ code_of('performance_level_descriptor') }} as performance_level,
        {{ code_of('assessment_reporting_method') }} as reporting_method

    from source

    where
        _deleted_at is null
        and {{ is_told_of_child('_student_source_id') }}

)

select * from final
