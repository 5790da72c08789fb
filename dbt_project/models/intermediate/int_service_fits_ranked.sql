with

needs as (

    select * from {{ ref('int_needs_opened') }}

),

need_services as (

    select * from {{ ref('need_services') }}

),

categories as (

    select * from {{ ref('int_service_categories_matched') }}

),

services as (

    select * from {{ ref('dim_services') }}

),

settings as (

    select * from {{ ref('int_settings_pivoted') }}

),

-- What fits depends on the rule, the age and the named needs alone, so it is decided
-- once for each of them. Distinct, because many children share them.
asked as (

    select distinct
        fit_key,
        rule_id,
        age_years,
        need_codes

    from needs

),

-- Distinct, because a service may fit by several categories: the first tried is kept.
fits as (

    select distinct on (asked.fit_key, services.service_id)
        asked.fit_key,
        asked.need_codes,
        asked.age_years,
        services.service_id,
        services.service_name,
        services.organization_id,
        services.organization_name,
        services.schedule_text,
        services.capacity_state,
        services.free_place_count,
        services.minimum_age,
        services.maximum_age,
        services.need_codes as answered_codes,
        need_services.service_category,
        need_services.preference

    from asked

    inner join need_services
        on asked.rule_id = need_services.rule_id

    inner join categories
        on need_services.service_category = categories.service_category

    inner join services
        on categories.service_id = services.service_id

    where
        services.is_offered
        and services.capacity_state <> 'full'
        and (
            asked.age_years is null
            or (
                asked.age_years >= coalesce(services.minimum_age, asked.age_years)
                and asked.age_years <= coalesce(services.maximum_age, asked.age_years)
            )
        )

    order by
        asked.fit_key asc,
        services.service_id asc,
        need_services.preference asc

),

answering_fits as (

    select
        fits.fit_key,
        fits.age_years,
        fits.service_id,
        fits.service_name,
        fits.organization_id,
        fits.organization_name,
        fits.schedule_text,
        fits.capacity_state,
        fits.service_category,
        fits.free_place_count,
        fits.minimum_age,
        fits.maximum_age,
        fits.preference,
        count(named.need_code) as answered_count,
        string_agg(replace(named.need_code, '_', ' '), ', ' order by named.need_code)
            as answered_text

    from fits

    left join lateral unnest(fits.need_codes) as named (need_code)
        on named.need_code = any(fits.answered_codes)

    group by
        fits.fit_key,
        fits.age_years,
        fits.service_id,
        fits.service_name,
        fits.organization_id,
        fits.organization_name,
        fits.schedule_text,
        fits.capacity_state,
        fits.service_category,
        fits.free_place_count,
        fits.minimum_age,
        fits.maximum_age,
        fits.preference

),

-- What answers the need that people named comes first, then free places, then the
-- category tried first. Name and id settle the rest.
placed_fits as (

    select
        fit_key,
        age_years,
        service_id,
        service_name,
        organization_id,
        organization_name,
        schedule_text,
        capacity_state,
        service_category,
        answered_text,
        free_place_count,
        minimum_age,
        maximum_age,
        row_number() over (
            partition by fit_key
            order by
                answered_count desc,
                cast(capacity_state = 'free' as integer) desc,
                preference asc,
                cast(capacity_state = 'unknown' as integer) desc,
                service_name collate "C" asc,
                service_id collate "C" asc
        ) as fit_rank

    from answering_fits

),

final as (

    select
        placed_fits.fit_key,
        placed_fits.age_years,
        placed_fits.fit_rank,
        placed_fits.service_id,
        placed_fits.service_name,
        placed_fits.organization_id,
        placed_fits.organization_name,
        placed_fits.schedule_text,
        placed_fits.capacity_state,
        placed_fits.service_category,
        placed_fits.answered_text,
        placed_fits.free_place_count,
        placed_fits.minimum_age,
        placed_fits.maximum_age

    from placed_fits

    inner join settings
        on placed_fits.fit_rank <= settings.services_shown

)

select * from final
