with

source as (

    select * from {{ source('raw', 'providers__cost_options') }}

),

final as (

    select
        id as cost_option_id,
        service_id,
        amount as cost_amount,
        currency as currency_code,
        amount_description as cost_text,
        valid_from as from_date,
        valid_to as to_date

    from source

    where _deleted_at is null

)

select * from final
