with

source as (

    select * from {{ source('raw', 'roster__academic_sessions') }}

),

final as (

    select
        sourced_id as session_source_id,
        title as session_title,
        type as session_type,
        school_year,
        start_date,
        end_date

    from source

    where _deleted_at is null

)

select * from final
