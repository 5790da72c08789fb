with

service_fits as (

    select * from {{ ref('int_service_fits_ranked') }}

),

service_categories as (

    select * from {{ ref('service_categories') }}

),

worded_fits as (

    select
        service_fits.fit_key,
        service_fits.fit_rank,
        service_fits.service_id,
        service_fits.service_name,
        service_fits.organization_id,
        service_fits.organization_name,
        service_fits.schedule_text,
        service_fits.capacity_state,
        service_categories.category_label,
        service_fits.free_place_count,
        concat_ws(
            '; ',
            service_categories.category_label,
            'answers: ' || service_fits.answered_text,
            case
                when
                    service_fits.minimum_age is null
                    and service_fits.maximum_age is null
                    then 'any age'
                when service_fits.age_years is null
                    then 'age of the child is not known, ask'
                else concat(
                    'for ages ',
                    coalesce(
                        cast(trim_scale(service_fits.minimum_age) as text), 'any'
                    ),
                    ' to ',
                    coalesce(
                        cast(trim_scale(service_fits.maximum_age) as text), 'any'
                    )
                )
            end,
            case service_fits.capacity_state
                when 'free' then 'places free: ' || service_fits.free_place_count
                when 'waitlist' then 'waiting list'
                else 'places not known'
            end
        ) as fit_reason

    from service_fits

    inner join service_categories
        on service_fits.service_category = service_categories.service_category

),

final as (

    select
        fit_key,
        count(*) as service_count,
        max(service_name) filter (where fit_rank = 1) as first_service_name,
        max(organization_id) filter (where fit_rank = 1) as first_organization_id,
        max(organization_name) filter (where fit_rank = 1) as first_organization_name,
        jsonb_agg(
            jsonb_build_object(
                'service_id', service_id,
                'service_name', service_name,
                'organization_name', organization_name,
                'category', category_label,
                'schedule', schedule_text,
                'places_free', free_place_count,
                'capacity_state', capacity_state,
                'reason', fit_reason
            )
            order by fit_rank
        ) as services

    from worded_fits

    group by fit_key

)

select * from final
