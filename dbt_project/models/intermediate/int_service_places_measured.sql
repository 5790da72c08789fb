with

services_at_locations as (

    select * from {{ ref('stg_providers__service_at_location') }}

),

locations as (

    select * from {{ ref('stg_providers__locations') }}

),

schools as (

    select * from {{ ref('int_schools_identified') }}

),

-- A directory may list our schools as places, by their ids.
school_locations as (

    select
        schools.school_key,
        locations.location_id,
        locations.latitude,
        locations.longitude

    from schools

    inner join locations
        on
            schools.school_source_id = locations.external_id
            and locations.external_id_type in ('schoolid', 'school_id')

),

-- Great circle by the haversine formula; 6371 km is the mean radius of the earth.
measured_places as (

    select
        services_at_locations.service_id,
        school_locations.school_key,
        services_at_locations.location_id = school_locations.location_id
            as is_at_school,
        case
            when services_at_locations.location_id = school_locations.location_id
                then 0
            when
                num_nulls(
                    locations.latitude,
                    locations.longitude,
                    school_locations.latitude,
                    school_locations.longitude
                ) = 0
                then 2 * 6371 * asin(least(1, sqrt(
                    power(
                        sin(
                            radians(locations.latitude - school_locations.latitude) / 2
                        ),
                        2
                    )
                    + cos(radians(locations.latitude))
                    * cos(radians(school_locations.latitude))
                    * power(
                        sin(
                            radians(locations.longitude - school_locations.longitude)
                            / 2
                        ),
                        2
                    )
                )))
        end as distance_km

    from services_at_locations

    inner join locations
        on services_at_locations.location_id = locations.location_id

    cross join school_locations

),

final as (

    select
        service_id,
        school_key,
        cast(round(cast(min(distance_km) as numeric), 1) as numeric) as distance_km,
        bool_or(is_at_school) as is_at_school

    from measured_places

    group by
        service_id,
        school_key

)

select * from final
