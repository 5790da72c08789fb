with

fits as (

    select * from {{ ref('int_service_fits_judged') }}

),

settings as (

    select * from {{ ref('int_settings_pivoted') }}

),

-- What answers the needs that people named comes first, then what has places; then what
-- misses least, the category tried first, what builds on a strength, and what is near.
-- The service's place in the alphabet settles the rest.
ranked_fits as (

    select
        need_id,
        student_key,
        service_id,
        service_category,
        need_number,
        service_number,
        place_count,
        answered_count,
        distance_km,
        failed_bits,
        is_asking,
        is_interest,
        row_number() over (
            partition by need_number
            order by
                answered_count desc,
                cast(coalesce(place_count > 0, false) as integer) desc,
                missed_count asc,
                preference asc,
                cast(is_interest as integer) desc,
                cast(place_count is null as integer) desc,
                distance_km asc nulls last,
                service_number asc
        ) as choice_number

    from fits

    where is_fit

),

final as (

    select
        ranked_fits.need_id,
        ranked_fits.student_key,
        ranked_fits.service_id,
        ranked_fits.service_category,
        ranked_fits.need_number,
        ranked_fits.service_number,
        cast(ranked_fits.choice_number as integer) as choice_number,
        ranked_fits.place_count,
        ranked_fits.answered_count,
        ranked_fits.distance_km,
        ranked_fits.failed_bits,
        ranked_fits.is_asking,
        ranked_fits.is_interest

    from ranked_fits

    inner join settings
        on ranked_fits.choice_number <= settings.services_considered

)

select * from final
