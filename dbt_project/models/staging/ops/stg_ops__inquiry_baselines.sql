with

source as (

    select * from {{ source('ops', 'inquiry_baseline') }}

),

final as (

    select
        cycle_id,
        school_key,
        metric_version,
        school_year,
        release_id,
        numerator,
        denominator,
        metric_value,
        as_of_date

    from source

)

select * from final
