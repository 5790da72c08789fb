with

source as (

    select * from {{ source('raw', 'health__records') }}

),

final as (

    select
        _student_source_id as student_source_id,
        record_kind,
        outcome,
        _held as is_held,
        recorded_on as recorded_date

    from source

    where
        _deleted_at is null
        and {{ is_told_of_child('_student_source_id') }}

)

select * from final
