with

source as (

    select * from {{ source('ops', 'release_school') }}

),

final as (

    select
        release_id,
        school_key,
        cast(student_count as bigint) as student_count,
        live as is_live

    from source

)

select * from final
