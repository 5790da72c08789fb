with

source as (

    select * from {{ source('raw', 'discipline__student_behaviors') }}

),

final as (

    select
        incident_identifier as incident_id,
        _school_source_id as school_source_id,
        _student_source_id as student_source_id,
        {{ code_of('participation_code_descriptor') }} as participation_code,
        _held as is_held

    from source

    where
        _deleted_at is null
        and {{ is_told_of_child('_student_source_id') }}

)

select * from final
