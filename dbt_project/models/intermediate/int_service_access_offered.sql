with

services_at_locations as (

    select * from {{ ref('stg_providers__service_at_location') }}

),

accessibility as (

    select * from {{ ref('stg_providers__accessibility') }}

),

accessibility_needs as (

    select * from {{ ref('accessibility_needs') }}

),

-- A place that says nothing of access may have it; one that does is taken at its word.
final as (

    select
        services_at_locations.service_id,
        coalesce(
            array_agg(distinct accessibility_needs.need_code)
            filter (where accessibility_needs.need_code is not null),
            cast('{}' as text[])
        ) as access_codes

    from services_at_locations

    inner join accessibility
        on services_at_locations.location_id = accessibility.location_id

    left join accessibility_needs
        on accessibility.accessibility_text ~ accessibility_needs.place_pattern

    where accessibility.accessibility_text <> ''

    group by services_at_locations.service_id

)

select * from final
