with

source as (

    select * from {{ source('ops', 'arrival') }}

),

final as (

    select
        arrival_id,
        feed,
        sender,
        state as arrival_state,
        last_received_at

    from source

)

select * from final
