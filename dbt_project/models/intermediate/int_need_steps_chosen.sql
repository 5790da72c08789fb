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

settings as (

    select * from {{ ref('int_settings_pivoted') }}

),

aged_needs as (

    select
        needs.need_id,
        needs.school_key,
        needs.service_name,
        needs.organization_name,
        needs.referral_state,
        consents.consent_status,
        needs.state_date,
        needs.last_contact_date,
        settings.first_response_days,
        needs.state_date + settings.first_response_latest_days as latest_date,
        needs.as_of_date > needs.state_date + settings.first_response_latest_days
            as is_late,
        case
            when needs.service_count = 0 then 'false'
            when needs.has_place then 'true'
            else 'waiting'
        end as has_service

    from needs

    inner join consents
        on needs.need_id = consents.need_id

    cross join settings

),

-- Whoever does not answer for too long is waited for no more, whatever contacts there
-- were. Else any contact starts the clock anew: nobody gains by closing and opening
-- again. The first step that holds is taken: each row meets several on the way down.
final as (

    select distinct on (aged_needs.need_id)
        aged_needs.need_id,
        aged_needs.school_key,
        aged_needs.consent_status,
        next_steps.next_step_id,
        replace(
            next_steps.next_step,
            '{service}', coalesce(aged_needs.service_name, 'a fitting service')
        ) as next_step,
        case next_steps.owner_role
            when 'provider' then coalesce(aged_needs.organization_name, 'provider')
            else coalesce(school_owners.coordinator_names, 'site_coordinator')
        end as step_owner,
        case next_steps.due_days
            when 'first_response_days' then aged_needs.first_response_days
            else cast(next_steps.due_days as integer)
        end as due_days,
        greatest(
            case
                when next_steps.answer = 'late' then aged_needs.latest_date
                else aged_needs.state_date
            end,
            aged_needs.last_contact_date
        ) as clock_date

    from aged_needs

    inner join next_steps
        on
            aged_needs.referral_state = next_steps.referral_state
            and next_steps.consent_status in (aged_needs.consent_status, 'any')
            and next_steps.has_service in (aged_needs.has_service, 'any')
            and (aged_needs.is_late or next_steps.answer = 'any')

    left join school_owners
        on aged_needs.school_key = school_owners.school_key

    order by aged_needs.need_id asc, next_steps.precedence asc

)

select * from final
