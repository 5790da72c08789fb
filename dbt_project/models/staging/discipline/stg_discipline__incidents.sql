with

source as (

    select * from {{ source('raw', 'discipline__incidents') }}

),

final as (

    select
        incident_identifier as incident_id,
        _school_source_id as school_source_id,
        incident_date

    from source

    where _deleted_at is null

)

select * from final
