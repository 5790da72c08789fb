with

source as (

    select * from {{ source('raw', 'roster__school_associations') }}

),

final as (

    select
        _student_source_id as student_source_id,
        _school_source_id as school_source_id,
        entry_grade_level_descriptor as grade_code,
        exit_withdraw_type_descriptor as exit_type_code,
        _held as is_held,
        entry_date,
        exit_withdraw_date as exit_date

    from source

    where _deleted_at is null

)

select * from final
