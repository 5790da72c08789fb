with

source as (

    select * from {{ source('ops', 'student_crosswalk') }}

),

final as (

    select
        student_key,
        student_source_id

    from source

)

select * from final
