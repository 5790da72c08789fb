with

source as (

    select * from {{ source('raw', 'transcripts__course_transcripts') }}

),

final as (

    select
        _student_source_id as student_source_id,
        course_code,
        course_title,
        final_letter_grade_earned as letter_grade,
        school_year,
        attempted_credits,
        earned_credits,
        _held as is_held,
        {{ code_of('term_descriptor') }} as term_code,
        {{ code_of('academic_subject_descriptor') }} as academic_subject,
        {{ code_of('course_attempt_result_descriptor') }} as attempt_result,
        {{ code_of('when_taken_grade_level_descriptor') }} as grade_code

    from source

    where
        _deleted_at is null
        and {{ is_told_of_child('_student_source_id') }}

)

select * from final
