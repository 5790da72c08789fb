with

source as (

    select * from {{ source('raw', 'providers__accessibility') }}

),

final as (

    select
        id as accessibility_id,
        location_id,
        lower(concat_ws(' ', description, details)) as accessibility_text

    from source

    where _deleted_at is null

)

select * from final
