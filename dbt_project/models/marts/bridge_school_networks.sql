with

network_schools as (

    select * from {{ ref('network_schools') }}

),

networks as (

    select * from {{ ref('networks') }}

),

schools as (

    select * from {{ ref('int_schools_identified') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

final as (

    select
        schools.school_key,
        networks.network_id,
        networks.network_name,
        network_schools.from_date,
        run_dates.as_of_date

    from network_schools

    inner join networks
        on network_schools.network_id = networks.network_id

    inner join schools
        on network_schools.school_source_id = schools.school_source_id

    inner join run_dates
        on
            network_schools.from_date <= run_dates.as_of_date
            and coalesce(network_schools.to_date > run_dates.as_of_date, true)

)

select * from final
