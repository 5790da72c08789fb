with

organizations as (

    select * from {{ ref('stg_providers__organizations') }}

),

services as (

    select * from {{ ref('dim_services') }}

),


locations as (

    select * from {{ ref('stg_providers__locations') }}

),

addresses as (

    select * from {{ ref('stg_providers__addresses') }}

),

-- Letters and digits alone, in small: what two spellings of one name share.
named_organizations as (

    select
        organization_id,
        regexp_replace(lower(organization_name), '[^[:alnum:]]+', '', 'g')
            as plain_name,
        regexp_replace(
            lower(website_text), '^https?://(www[.])?|/+$', '', 'g'
        ) as plain_url

    from organizations

),

-- Distinct, because a provider may name an address at several of its places.
organization_addresses as (

    select distinct
        locations.organization_id,
        regexp_replace(
            lower(concat(addresses.street_text, addresses.postal_code)),
            '[^[:alnum:]]+', '', 'g'
        ) as plain_address

    from locations

    inner join addresses
        on locations.location_id = addresses.location_id

    where locations.organization_id is not null

),

-- Same name, and the same page or street: a person decides; nothing is merged.
organization_doubles as (

    select
        'organization' as entity,
        first_ones.organization_id as entity_id,
        'possible_duplicate' as finding,
        second_ones.organization_id as other_id

    from named_organizations as first_ones

    inner join named_organizations as second_ones
        on
            first_ones.plain_name = second_ones.plain_name
            and first_ones.organization_id < second_ones.organization_id

    where
        first_ones.plain_url = second_ones.plain_url
        or exists (
            select 1
            from organization_addresses as here
            inner join organization_addresses as there
                on here.plain_address = there.plain_address
            where
                here.organization_id = first_ones.organization_id
                and there.organization_id = second_ones.organization_id
        )

),

-- The same name and provider at one place, or nowhere: probably one service twice.
service_doubles as (

    select
        'service' as entity,
        first_ones.service_id as entity_id,
        'possible_duplicate' as finding,
        second_ones.service_id as other_id

    from services as first_ones

    inner join services as second_ones
        on
            first_ones.organization_id = second_ones.organization_id
            and regexp_replace(lower(first_ones.service_name), '[^[:alnum:]]+', '', 'g')
            = regexp_replace(lower(second_ones.service_name), '[^[:alnum:]]+', '', 'g')
            and first_ones.service_id < second_ones.service_id

),

parentless as (

    select
        'organization' as entity,
        organizations.organization_id as entity_id,
        'parent_unknown' as finding,
        organizations.parent_organization_id as other_id

    from organizations

    left join organizations as parents
        on organizations.parent_organization_id = parents.organization_id

    where
        organizations.parent_organization_id is not null
        and parents.organization_id is null

),

service_gaps as (

    select
        'service' as entity,
        services.service_id as entity_id,
        gaps.finding,
        cast(null as text) as other_id

    from services

    cross join
        lateral (
            values
            ('provider_unknown', services.organization_name is null),
            ('no_category', cardinality(services.service_categories) = 0),
            (
                'no_ages',
                services.minimum_age is null and services.maximum_age is null
            ),
            ('no_count_of_places', services.capacity_state = 'unknown'),
            ('not_assured_lately', not services.is_assured)
        ) as gaps (finding, is_found)

    where
        gaps.is_found
        and services.service_status = 'active'

),

final as (

    select * from organization_doubles
    union all
    select * from service_doubles
    union all
    select * from parentless
    union all
    select * from service_gaps

)

select * from final
