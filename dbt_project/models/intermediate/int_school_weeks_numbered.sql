with

school_days as (

    select * from {{ ref('int_instructional_days_resolved') }}
    where has_calendar

),

-- Distinct, because a week has several days.
weeks as (

    select distinct
        school_key,
        cast(date_trunc('week', school_day_date) as date) as week_of

    from school_days

),

-- A week without school belongs to the one before it.
final as (

    select
        school_key,
        week_of,
        row_number() over (
            partition by school_key
            order by week_of asc
        ) as week_number,
        lead(week_of, 1, cast('infinity' as date)) over (
            partition by school_key
            order by week_of asc
        ) as next_week_of

    from weeks

)

select * from final
