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

working_days as (

    select * from {{ ref('int_working_days_counted') }}

),

settings as (

    select * from {{ ref('int_settings_pivoted') }}

),

-- Whoever does not answer for too long is waited for no more, whatever contacts there
-- were in between.
aged_needs as (

    select
        needs.need_id,
        needs.school_key,
        needs.service_name,
        needs.organization_name,
        consents.consent_status,
        needs.last_contact_date,
        case
            when needs.service_count = 0 then 'false'
            when needs.has_place then 'true'
            else 'waiting'
        end as has_service,
        case
            when
                needs.referral_state = 'requested'
                and needs.as_of_date
                > needs.state_date + settings.first_response_latest_days
                then 'requested_too_long'
            else needs.referral_state
        end as step_state,
        case
            when
                needs.referral_state = 'requested'
                and needs.as_of_date
                > needs.state_date + settings.first_response_latest_days
                then needs.state_date + settings.first_response_latest_days
            else needs.state_date
        end as step_date

    from needs

    inner join consents
        on needs.need_id = consents.need_id

    cross join settings

),

-- The first step that holds is taken: each row meets several on the way down. Any
-- contact starts its clock anew: nobody gains by closing and opening again.
chosen_steps as (

    select distinct on (aged_needs.need_id)
        aged_needs.need_id,
        aged_needs.school_key,
        aged_needs.consent_status,
        aged_needs.service_name,
        aged_needs.organization_name,
        next_steps.next_step,
        next_steps.owner_role,
        greatest(aged_needs.step_date, aged_needs.last_contact_date) as clock_date,
        case next_steps.due_days
            when 'first_response_days' then settings.first_response_days
            else cast(next_steps.due_days as integer)
        end as due_days

    from aged_needs

    cross join settings

    inner join next_steps
        on
            aged_needs.step_state = next_steps.referral_state
            and next_steps.consent_status in (aged_needs.consent_status, 'any')
            and next_steps.has_service in (aged_needs.has_service, 'any')

    order by aged_needs.need_id asc, next_steps.precedence asc

),

calendar_schools as (

    select
        school_key,
        min(calendar_date) as first_date

    from working_days

    group by school_key

),

-- The working day that lies so many after the clock's start, as far as a calendar
-- tells: a clock that starts on a day off starts on the working day before it.
counted_steps as (

    select
        chosen_steps.need_id,
        due_days.calendar_date as due_date

    from chosen_steps

    inner join calendar_schools
        on chosen_steps.school_key = calendar_schools.school_key

    left join working_days as start_days
        on
            chosen_steps.school_key = start_days.school_key
            and chosen_steps.clock_date = start_days.calendar_date

    inner join working_days as due_days
        on
            chosen_steps.school_key = due_days.school_key
            and due_days.is_working
            and chosen_steps.due_days
            + case
                when chosen_steps.clock_date < calendar_schools.first_date then 0
                else start_days.working_day_count
            end
            = due_days.working_day_count

),

-- Weekdays: two weekend days for each five that are passed.
weekday_steps as (

    select
        need_id,
        clock_date,
        due_days,
        cast(extract(isodow from clock_date) as integer) as week_day,
        least(cast(extract(isodow from clock_date) as integer), 5) as from_week_day

    from chosen_steps

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
        case
            when counted_steps.due_date is null then 'weekdays' else 'school_calendar'
        end as due_basis,
        coalesce(
            counted_steps.due_date,
            weekday_steps.clock_date
            - (weekday_steps.week_day - weekday_steps.from_week_day)
            + weekday_steps.due_days
            + 2 * ((weekday_steps.from_week_day - 1 + weekday_steps.due_days) / 5)
        ) as due_date

    from chosen_steps

    inner join weekday_steps
        on chosen_steps.need_id = weekday_steps.need_id

    left join counted_steps
        on chosen_steps.need_id = counted_steps.need_id

    left join school_owners
        on chosen_steps.school_key = school_owners.school_key

)

select * from final
