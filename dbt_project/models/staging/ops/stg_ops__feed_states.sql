with

source as (

    select * from {{ source('ops', 'feed_state') }}

),

final as (

    select
        feed,
        sender,
        last_loaded_at

    from source

)

select * from final
