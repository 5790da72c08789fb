with

source as (

    select * from {{ source('ops', 'feed_state') }}

),

final as (

    select
        feed,
        sender,
        data_through as data_through_date,
        last_loaded_at

    from source

)

select * from final
