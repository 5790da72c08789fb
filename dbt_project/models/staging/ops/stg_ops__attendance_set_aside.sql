with

source as (

    select * from {{ source('ops', 'attendance_set_aside') }}

),

final as (

    select
        school_source_id,
        received_at,
        row_count

    from source

)

select * from final
