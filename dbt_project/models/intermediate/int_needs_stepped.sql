with

needs as (

    select * from {{ ref('int_needs_referred') }}

),

consents as (

    select * from {{ ref('int_needs_consented') }}

),

next_steps as (

    select * from {{ ref('next_steps') }}

),

school_owners as (

    select * from {{ ref('int_school_owners_named') }}

),

-- Any contact starts the clock anew: nobody gains by closing and opening again.
clocks as (

    select
        needs.need_id,
        needs.school_key,
        needs.referral_state,
        needs.service_name,
        needs.organization_name,
        consents.consent_status,
        case
            when needs.service_count = 0 then 'false'
            when needs.has_place then 'true'
            else 'waiting'
        end as has_service,
        greatest(needs.state_date, needs.last_contact_date) as clock_date

    from needs

    inner join consents
        on needs.need_id = consents.need_id

),

-- The first step that holds is taken: each row meets several on the way down.
chosen_steps as (

    select distinct on (clocks.need_id)
        clocks.need_id,
        clocks.school_key,
        clocks.consent_status,
        clocks.service_name,
        clocks.organization_name,
        clocks.clock_date,
        next_steps.next_step,
        next_steps.owner_role,
        next_steps.due_weekdays,
        -- A clock that starts on a weekend starts on the Friday before it.
        least(cast(extract(isodow from clocks.clock_date) as integer), 5) as week_day

    from clocks

    inner join next_steps
        on
            clocks.referral_state = next_steps.referral_state
            and next_steps.consent_status in (clocks.consent_status, 'any')
            and next_steps.has_service in (clocks.has_service, 'any')

    order by clocks.need_id asc, next_steps.precedence asc

),

final as (

    select
        chosen_steps.need_id,
        chosen_steps.consent_status,
        replace(
            chosen_steps.next_step,
            '{service}', coalesce(chosen_steps.service_name, 'a fitting service')
        ) as next_step,
        case chosen_steps.owner_role
            when 'provider' then coalesce(chosen_steps.organization_name, 'Provider')
            else coalesce(school_owners.coordinator_names, 'Site coordinator')
        end as step_owner,
        -- Working days: two weekend days for each five that are passed.
        chosen_steps.clock_date
        - (
            cast(extract(isodow from chosen_steps.clock_date) as integer)
            - chosen_steps.week_day
        )
        + chosen_steps.due_weekdays
        + 2 * ((chosen_steps.week_day - 1 + chosen_steps.due_weekdays) / 5) as due_date

    from chosen_steps

    left join school_owners
        on chosen_steps.school_key = school_owners.school_key

)

select * from final
