with

choices as (

    select * from {{ ref('int_service_choices_worded') }}

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

worded_choices as (

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
        concat_ws(
            '; ',
            service_categories.category_label,
            'answers: ' || (
                select
                    string_agg(
                        replace(named.need_code, '_', ' '), ', '
                        order by named.need_code
                    )
                from unnest(needs.need_codes) as named (need_code)
                where named.need_code = any(services.need_codes)
            ),
            case
                when services.minimum_age is null and services.maximum_age is null
                    then 'any age'
                when needs.age_years is null then 'age of the child is not known, ask'
                else concat(
                    'for ages ',
                    coalesce(cast(trim_scale(services.minimum_age) as text), 'any'),
                    ' to ',
                    coalesce(cast(trim_scale(services.maximum_age) as text), 'any')
                )
            end,
            choices.place_text,
            case when choices.is_interest then 'builds on a strength' end,
            case
                when choices.distance_km = 0 then 'at the school'
                when choices.distance_km > 0 then choices.distance_km || ' km'
                else limits.area_text
            end,
            case
                when not needs.home_language = any(limits.languages)
                    then 'speaks ' || limits.language_text
            end,
            case
                when not needs.access_codes <@ limits.access_codes
                    then 'ask about access: ' || (
                        select
                            string_agg(
                                replace(named.need_code, '_', ' '), ', '
                                order by named.need_code
                            )
                        from unnest(needs.access_codes) as named (need_code)
                        where not named.need_code = any(limits.access_codes)
                    )
            end,
            case when not terms.is_free then 'costs: ' || terms.cost_text end,
            'asks for: ' || terms.document_text
        ) as fit_reason

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
        worded_choices.need_id,
        worded_choices.fit_rank,
        worded_choices.place_outcome,
        worded_choices.service_id,
        worded_choices.service_name,
        worded_choices.organization_id,
        worded_choices.organization_name,
        listed_service

    from worded_choices

    cross join
        lateral (
            values
            (
                worded_choices.service_id,
                worded_choices.service_name,
                worded_choices.organization_name,
                worded_choices.category_label,
                worded_choices.schedule_text,
                worded_choices.free_place_count,
                worded_choices.capacity_state,
                worded_choices.line_number,
                worded_choices.waiting_count,
                worded_choices.distance_km,
                worded_choices.area_text,
                worded_choices.document_text,
                worded_choices.cost_text,
                worded_choices.fit_reason
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
            reason
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
