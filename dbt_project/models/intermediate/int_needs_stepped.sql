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
        min(calendar_date) as first_date

    from working_days

    group by school_key

),

-- The working day that lies so many after the clock's start, as far as a calendar
-- tells: a clock that starts on a day off starts on the working day before it.
counted_steps as (

    select
        steps.need_id,
        due_days.calendar_date as due_date

    from steps

    inner join calendar_schools
        on steps.school_key = calendar_schools.school_key

    left join working_days as start_days
        on
            steps.school_key = start_days.school_key
            and steps.clock_date = start_days.calendar_date

    inner join working_days as due_days
        on
            steps.school_key = due_days.school_key
            and due_days.is_working
            and steps.due_days
            + case
                when steps.clock_date < calendar_schools.first_date then 0
                else start_days.working_day_count
            end
            = due_days.working_day_count

),

-- Where no calendar reaches that far, weekdays: two weekend days for each five that are
-- passed.
weekday_steps as (

    select
        need_id,
        cast(extract(isodow from clock_date) as integer) as week_day,
        least(cast(extract(isodow from clock_date) as integer), 5) as from_week_day

    from steps

),

final as (

    select
        steps.need_id,
        steps.consent_status,
        steps.next_step,
        steps.step_owner,
        case
            when counted_steps.due_date is null then 'weekdays' else 'school_calendar'
        end as due_basis,
        coalesce(
            counted_steps.due_date,
            steps.clock_date
            - (weekday_steps.week_day - weekday_steps.from_week_day)
            + steps.due_days
            + 2 * ((weekday_steps.from_week_day - 1 + steps.due_days) / 5)
        ) as due_date

    from steps

    inner join weekday_steps
        on steps.need_id = weekday_steps.need_id

    left join counted_steps
        on steps.need_id = counted_steps.need_id

)

select * from final
