with

needs as (

    select * from {{ ref('int_needs_asked') }}

),

candidates as (

    select * from {{ ref('int_service_candidates_matched') }}

),

limits as (

    select * from {{ ref('int_service_limits_decided') }}

),

places as (

    select * from {{ ref('int_service_places_measured') }}

),

services_left_out as (

    select * from {{ ref('int_services_left_out') }}

),

settings as (

    select * from {{ ref('int_settings_pivoted') }}

),

fit_criteria as (

    select * from {{ ref('fit_criteria') }}

),

effects as (

    select
        cast(
            coalesce(
                sum(1 << (criterion_order - 1)) filter (where effect = 'exclude'), 0
            ) as integer
        ) as excluding_bits,
        cast(
            coalesce(
                sum(1 << (criterion_order - 1)) filter (where effect = 'prefer'), 0
            ) as integer
        ) as preferring_bits

    from fit_criteria

),

-- What nobody knows, of the child or of the service, fails no criterion. A null product
-- is such a case: the bit stays off.
judged as (

    select
        needs.need_id,
        needs.need_number,
        needs.student_key,
        needs.school_key,
        needs.rule_id,
        limits.service_id,
        limits.service_number,
        candidates.service_category,
        candidates.preference,
        limits.place_count,
        places.distance_km,
        services_left_out.parked_until_date,
        needs.is_asking,
        candidates.service_category = any(needs.interest_categories) as is_interest,
        case
            when needs.need_codes && limits.need_codes
                then (
                    select count(*)
                    from unnest(needs.need_codes) as named (need_code)
                    where named.need_code = any(limits.need_codes)
                )
            else 0
        end as answered_count,
        limits.failed_bits
        + coalesce(
            cast(
                needs.age_years < coalesce(limits.minimum_age, needs.age_years)
                or needs.age_years > coalesce(limits.maximum_age, needs.age_years)
                as integer
            ) * 16,
            0
        )
        + coalesce(
            cast(not needs.grade_order <@ any(limits.grade_ranges) as integer) * 32, 0
        )
        + coalesce(
            cast(
                not needs.school_source_id = any(limits.school_source_ids) as integer
            ) * 64,
            0
        )
        + coalesce(
            cast(not needs.postal_code = any(limits.postal_codes) as integer) * 128, 0
        )
        + coalesce(cast(services_left_out.is_served as integer) * 256, 0)
        + cast(services_left_out.parked_until_date is not null as integer) * 512
        + coalesce(
            cast(not needs.home_language = any(limits.languages) as integer) * 2048, 0
        )
        + cast(
            limits.is_during_lessons and not coalesce(places.is_at_school, false)
            as integer
        ) * 4096
        + coalesce(cast(not needs.access_codes <@ limits.access_codes as integer), 0)
        * 16384
        + coalesce(cast(places.distance_km > settings.service_within_km as integer), 0)
        * 32768
        + cast(
            candidates.only_if_named
            and coalesce(cardinality(limits.need_codes), 0) > 0
            and not coalesce(needs.named_codes && limits.need_codes, false)
            as integer
        ) * 131072 as failed_bits

    from needs

    cross join settings

    inner join candidates
        on needs.rule_id = candidates.rule_id

    inner join limits
        on candidates.service_id = limits.service_id

    left join places
        on
            needs.school_key = places.school_key
            and limits.service_id = places.service_id

    left join services_left_out
        on
            needs.student_key = services_left_out.student_key
            and limits.service_id = services_left_out.service_id

),

final as (

    select
        judged.need_id,
        judged.student_key,
        judged.school_key,
        judged.rule_id,
        judged.service_id,
        judged.service_category,
        judged.need_number,
        judged.service_number,
        judged.preference,
        judged.place_count,
        judged.answered_count,
        judged.distance_km,
        judged.failed_bits,
        judged.is_asking,
        judged.is_interest,
        judged.parked_until_date,
        bit_count(cast(judged.failed_bits & effects.preferring_bits as bit(32)))
            as missed_count,
        (
            select fit_criteria.criterion
            from fit_criteria
            where
                fit_criteria.effect = 'exclude'
                and (judged.failed_bits >> (fit_criteria.criterion_order - 1)) & 1 = 1
            order by fit_criteria.criterion_order
            limit 1
        ) as excluded_by,
        judged.failed_bits & effects.excluding_bits = 0 as is_fit

    from judged

    cross join effects

)

select * from final
