with

source as (

    select * from {{ source('raw', 'inquiry_cycles__cycles') }}

),

final as (

    select
        cycle_id,
        _school_source_id as school_source_id,
        problem,
        metric_id,
        owner as owner_name,
        _held as is_held,
        started_on as started_date,
        review_on as review_date,
        ended_on as ended_date

    from source

    where _deleted_at is null

)

select * from final
