with

source as (

    select * from {{ source('raw', 'roster__enrollments') }}

),

final as (

    select
        sourced_id as enrollment_source_id,
        class_sourced_id as class_source_id,
        school_sourced_id as school_source_id,
        user_sourced_id as user_source_id,
        role as enrollment_role,
        "primary" as is_primary,
        _held as is_held,
        begin_date,
        end_date

    from source

    where _deleted_at is null

)

select * from final
