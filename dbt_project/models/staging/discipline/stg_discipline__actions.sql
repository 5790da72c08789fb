with

source as (

    select * from {{ source('raw', 'discipline__actions') }}

),

final as (

    select
        discipline_action_identifier as action_id,
        _student_source_id as student_source_id,
        _school_source_id as school_source_id,
        {{ code_of('discipline_descriptor') }} as discipline_code,
        actual_discipline_action_length as action_length_days,
        _held as is_held,
        discipline_date

    from source

    where
        _deleted_at is null
        and {{ is_told_of_child('_student_source_id') }}

)

select * from final
