with

steps as (

    select * from {{ ref('int_need_steps_chosen') }}

),

working_days as (

    select * from {{ ref('int_working_days_counted') }}

),

calendar_schools as (

    select
        school_key,
        min(calendar_date) as first_date,
        max(calendar_date) as last_date,
        max(working_day_count) as last_day_count

    from working_days

    group by school_key

),

-- The number of the working day on which a step is due, where its clock starts within
-- the calendar or before it: one that starts on a day off starts on the working day
-- before it.
started_steps as (

    select
        steps.need_id,
        steps.school_key,
        calendar_schools.last_date,
        calendar_schools.last_day_count,
        steps.due_days
        + case
            when steps.clock_date < calendar_schools.first_date then 0
            else start_days.working_day_count
        end as due_day_count

    from steps

    inner join calendar_schools
        on
            steps.school_key = calendar_schools.school_key
            and steps.clock_date <= calendar_schools.last_date

    left join working_days as start_days
        on
            steps.school_key = start_days.school_key
            and steps.clock_date = start_days.calendar_date

),

counted_steps as (

    select
        started_steps.need_id,
        working_days.calendar_date as due_date

    from started_steps

    inner join working_days
        on
            started_steps.school_key = working_days.school_key
            and working_days.is_working
            and started_steps.due_day_count = working_days.working_day_count

),

-- What is left when the calendar ends is counted in weekdays from its last day; where
-- no calendar knows the start, all is.
ended_steps as (

    select
        steps.need_id,
        coalesce(started_steps.last_date, steps.clock_date) as from_date,
        coalesce(
            started_steps.due_day_count - started_steps.last_day_count, steps.due_days
        ) as rest_days

    from steps

    left join started_steps
        on
            steps.need_id = started_steps.need_id
            and started_steps.due_day_count > started_steps.last_day_count

),

-- Two weekend days for each five weekdays that are passed; a weekend counts from its
-- Friday.
weekday_steps as (

    select
        need_id,
        from_date
        - greatest(cast(extract(isodow from from_date) as integer) - 5, 0)
        + rest_days
        + 2 * (
            (
                least(cast(extract(isodow from from_date) as integer), 5)
                - 1
                + rest_days
            )
            / 5
        ) as due_date

    from ended_steps

),

final as (

    select
        steps.need_id,
        steps.consent_status,
        steps.next_step,
        steps.next_step_id,
        steps.step_owner,
        case
            when counted_steps.due_date is null then 'weekdays' else 'school_calendar'
        end as due_basis,
        coalesce(counted_steps.due_date, weekday_steps.due_date) as due_date

    from steps

    inner join weekday_steps
        on steps.need_id = weekday_steps.need_id

    left join counted_steps
        on steps.need_id = counted_steps.need_id

)

select * from final
