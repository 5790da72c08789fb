with

source as (

    select * from {{ source('raw', 'staff__assignments') }}

),

final as (

    select
        staff_id,
        _school_source_id as school_source_id,
        role as staff_role,
        given_name,
        family_name,
        begin_date,
        end_date

    from source

    where _deleted_at is null

)

select * from final
