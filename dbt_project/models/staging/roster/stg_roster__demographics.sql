with

source as (

    select * from {{ source('raw', 'roster__demographics') }}

),

final as (

    select
        sourced_id as user_source_id,
        home_language,
        _held as is_held,
        birth_date

    from source

    where _deleted_at is null

)

select * from final
