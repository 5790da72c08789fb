with

services as (

    select * from {{ ref('stg_providers__services') }}

),

attributes as (

    select * from {{ ref('stg_providers__attributes') }}

),

taxonomy_terms as (

    select * from {{ ref('stg_providers__taxonomy_terms') }}

),

other_taxonomies as (

    select * from {{ ref('other_taxonomies') }}

),

grade_bands as (

    select * from {{ ref('grade_bands') }}

),

service_areas as (

    select * from {{ ref('stg_providers__service_areas') }}

),

services_at_locations as (

    select * from {{ ref('stg_providers__service_at_location') }}

),

locations as (

    select * from {{ ref('stg_providers__locations') }}

),

languages as (

    select * from {{ ref('stg_providers__languages') }}

),

access_offers as (

    select * from {{ ref('int_service_access_offered') }}

),

service_terms as (

    select
        attributes.linked_id as service_id,
        other_taxonomies.meaning,
        lower(taxonomy_terms.term_code) as term

    from attributes

    inner join taxonomy_terms
        on attributes.taxonomy_term_id = taxonomy_terms.taxonomy_term_id

    inner join other_taxonomies
        on lower(taxonomy_terms.taxonomy) = other_taxonomies.taxonomy

    where lower(attributes.linked_entity) in ('service', 'services')

),

grade_limits as (

    select
        service_terms.service_id,
        array_agg(
            int4range(
                grade_bands.grade_order_from, grade_bands.grade_order_to, '[]'
            )
        ) as grade_ranges

    from service_terms

    inner join grade_bands
        on service_terms.term = grade_bands.grade_band

    where service_terms.meaning = 'grade'

    group by service_terms.service_id

),

marked_services as (

    select service_id

    from service_terms

    where meaning = 'do_not_refer'

    group by service_id

),

-- Only a service whose every place is a school is held for these schools alone.
school_limits as (

    select
        services_at_locations.service_id,
        array_agg(locations.external_id) as school_source_ids

    from services_at_locations

    inner join locations
        on services_at_locations.location_id = locations.location_id

    group by services_at_locations.service_id

    having bool_and(locations.external_id_type in ('schoolid', 'school_id'))

),

-- An area in words is shown, never guessed: a list of postal codes is a limit.
area_limits as (

    select
        service_id,
        string_agg(area_name, ', ' order by area_name collate "C") as area_text,
        case
            when bool_and(extent_type in ('postal_code', 'postalcode', 'zip'))
                then regexp_split_to_array(string_agg(area_extent, ','), '[,; ]+')
        end as postal_codes

    from service_areas

    where service_id is not null

    group by service_id

),

language_lists as (

    select
        service_id,
        array_agg(language_name) || array_agg(language_code) as languages,
        string_agg(
            initcap(language_name), ', ' order by language_name collate "C"
        ) as language_text

    from languages

    where service_id is not null

    group by service_id

),

final as (

    select
        services.service_id,
        grade_limits.grade_ranges,
        school_limits.school_source_ids,
        area_limits.area_text,
        area_limits.postal_codes,
        language_lists.languages,
        access_offers.access_codes,
        language_lists.language_text,
        marked_services.service_id is not null as is_marked

    from services

    left join grade_limits
        on services.service_id = grade_limits.service_id

    left join school_limits
        on services.service_id = school_limits.service_id

    left join area_limits
        on services.service_id = area_limits.service_id

    left join language_lists
        on services.service_id = language_lists.service_id

    left join access_offers
        on services.service_id = access_offers.service_id

    left join marked_services
        on services.service_id = marked_services.service_id

)

select * from final
