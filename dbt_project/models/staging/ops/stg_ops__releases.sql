with

source as (

    select * from {{ source('ops', 'release') }}

),

final as (

    select
        release_id,
        as_of_date

    from source

)

select * from final
