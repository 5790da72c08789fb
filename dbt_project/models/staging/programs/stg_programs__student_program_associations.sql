with

source as (

    select * from {{ source('raw', 'programs__student_program_associations') }}

),

final as (

    select
        _student_source_id as student_source_id,
        program_name,
        direct_certification as is_directly_certified,
        _held as is_held,
        begin_date,
        end_date as last_date,
        {{ code_of('program_type_descriptor') }} as program_type,
        {{ code_of('homeless_primary_nighttime_residence_descriptor') }}
            as nighttime_residence,
        {{ code_of('school_food_service_program_service_descriptor') }}
            as food_service

    from source

    where
        _deleted_at is null
        and {{ is_told_of_child('_student_source_id') }}

)

select * from final
