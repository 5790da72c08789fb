with

source as (

    select * from {{ source('raw', 'surveys__scale_scores') }}

),

final as (

    select
        survey_id,
        _student_source_id as student_source_id,
        scale as survey_scale,
        score,
        _held as is_held,
        administered_on as administered_date

    from source

    where
        _deleted_at is null
        and {{ is_told_of_child('_student_source_id') }}

)

select * from final
