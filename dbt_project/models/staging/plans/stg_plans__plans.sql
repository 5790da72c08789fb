with

source as (

    select * from {{ source('raw', 'plans__plans') }}

),

final as (

    select
        plan_id,
        _student_source_id as student_source_id,
        caring_adult_staff_id,
        plan_year,
        parts_done,
        _held as is_held

    from source

    where
        _deleted_at is null
        and {{ is_told_of_child('_student_source_id') }}

)

select * from final
