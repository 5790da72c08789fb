with

source as (

    select * from {{ source('ops', 'school_crosswalk') }}

),

final as (

    select
        school_key,
        school_source_id

    from source

)

select * from final
