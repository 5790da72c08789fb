with

choices as (

    select * from {{ ref('int_service_choices_shown') }}

),

needs as (

    select * from {{ ref('int_needs_asked') }}

),

services as (

    select * from {{ ref('dim_services') }}

),

limits as (

    select * from {{ ref('int_service_limits_gathered') }}

),

terms as (

    select * from {{ ref('int_service_terms_offered') }}

),

service_categories as (

    select * from {{ ref('service_categories') }}

),

described_choices as (

    select
        choices.need_id,
        choices.fit_rank,
        choices.service_id,
        services.service_name,
        services.organization_id,
        services.organization_name,
        services.schedule_text,
        service_categories.category_label,
        choices.capacity_state,
        choices.free_place_count,
        choices.place_outcome,
        choices.line_number,
        choices.waiting_count,
        choices.distance_km,
        limits.area_text,
        terms.document_text,
        terms.cost_text,
        services.minimum_age,
        services.maximum_age,
        choices.is_interest,
        terms.is_free,
        needs.age_years is not null as is_age_known,
        (
            select
                string_agg(
                    replace(named.need_code, '_', ' '), ', ' order by named.need_code
                )
            from unnest(needs.need_codes) as named (need_code)
            where named.need_code = any(services.need_codes)
        ) as answer_text,
        case
            when not needs.home_language = any(limits.languages)
                then limits.language_text
        end as language_text,
        case
            when not needs.access_codes <@ limits.access_codes
                then (
                    select
                        string_agg(
                            replace(named.need_code, '_', ' '), ', '
                            order by named.need_code
                        )
                    from unnest(needs.access_codes) as named (need_code)
                    where not named.need_code = any(limits.access_codes)
                )
        end as access_text

    from choices

    inner join needs
        on choices.need_id = needs.need_id

    inner join services
        on choices.service_id = services.service_id

    inner join limits
        on choices.service_id = limits.service_id

    inner join terms
        on choices.service_id = terms.service_id

    inner join service_categories
        on choices.service_category = service_categories.service_category

),

-- Gathered as rows, which then become JSON at once: as JSON they would be copied twice.
listed_choices as (

    select
        described_choices.need_id,
        described_choices.fit_rank,
        described_choices.place_outcome,
        described_choices.service_id,
        described_choices.service_name,
        described_choices.organization_id,
        described_choices.organization_name,
        listed_service

    from described_choices

    cross join
        lateral (
            values
            (
                described_choices.service_id,
                described_choices.service_name,
                described_choices.organization_name,
                described_choices.category_label,
                described_choices.schedule_text,
                described_choices.free_place_count,
                described_choices.capacity_state,
                described_choices.line_number,
                described_choices.waiting_count,
                described_choices.distance_km,
                described_choices.area_text,
                described_choices.document_text,
                described_choices.cost_text,
                described_choices.is_free,
                described_choices.minimum_age,
                described_choices.maximum_age,
                described_choices.is_age_known,
                described_choices.is_interest,
                described_choices.answer_text,
                described_choices.language_text,
                described_choices.access_text
            )
        ) as listed_service (
            service_id,
            service_name,
            organization_name,
            category,
            schedule,
            places_free,
            capacity_state,
            line_number,
            waiting_count,
            distance_km,
            area,
            documents,
            cost,
            is_free,
            minimum_age,
            maximum_age,
            is_age_known,
            is_interest,
            answers,
            languages,
            access
        )

),

final as (

    select
        need_id,
        count(*) as service_count,
        bool_or(place_outcome <> 'waiting') as has_place,
        max(service_id) filter (where fit_rank = 1) as first_service_id,
        max(service_name) filter (where fit_rank = 1) as first_service_name,
        max(organization_id) filter (where fit_rank = 1) as first_organization_id,
        max(organization_name) filter (where fit_rank = 1) as first_organization_name,
        to_jsonb(array_agg(listed_service order by fit_rank)) as services

    from listed_choices

    group by need_id

)

select * from final
