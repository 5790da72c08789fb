with

choices as (

    select * from {{ ref('int_service_choices_ranked') }}

),

allocations as (

    select * from {{ ref('int_places_allocated') }}

),

places as (

    select * from {{ ref('fct_service_places') }}

),

settings as (

    select * from {{ ref('int_settings_pivoted') }}

),

-- A need that asks shows first where it has a place, or may ask for one. One that does
-- not ask, as a referral is under way, sees what is left after those that do.
shown_choices as (

    select
        choices.need_id,
        choices.service_id,
        choices.service_category,
        choices.answered_count,
        choices.distance_km,
        choices.is_interest,
        choices.choice_number,
        allocations.line_number,
        places.place_count,
        places.waiting_count,
        places.left_count,
        coalesce(allocations.place_outcome, 'not_needed') as place_outcome,
        case
            when allocations.place_outcome = 'place' then 'free'
            when allocations.place_outcome = 'waiting' then 'waitlist'
            when places.place_count is null then 'unknown'
            when places.left_count > 0 then 'free'
            else 'waitlist'
        end as capacity_state,
        row_number() over (
            partition by choices.need_id
            order by
                cast(
                    coalesce(allocations.place_outcome in ('place', 'ask'), false)
                    as integer
                ) desc,
                choices.choice_number asc
        ) as fit_rank

    from choices

    inner join places
        on choices.service_id = places.service_id

    left join allocations
        on
            choices.need_id = allocations.need_id
            and choices.service_id = allocations.service_id

),

final as (

    select
        shown_choices.need_id,
        shown_choices.service_id,
        shown_choices.service_category,
        shown_choices.place_outcome,
        shown_choices.capacity_state,
        cast(shown_choices.fit_rank as integer) as fit_rank,
        shown_choices.choice_number,
        shown_choices.line_number,
        shown_choices.waiting_count,
        shown_choices.distance_km,
        shown_choices.is_interest,
        case shown_choices.place_outcome
            when 'place' then shown_choices.place_count
            else shown_choices.left_count
        end as free_place_count

    from shown_choices

    inner join settings
        on shown_choices.fit_rank <= settings.services_shown

)

select * from final
