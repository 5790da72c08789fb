with

spells as (

    select * from {{ ref('int_enrollment_spells_united') }}

),

school_days as (

    select * from {{ ref('int_instructional_days_resolved') }}
    where is_submitted

),

-- Distinct, because most stays at a school begin and end on the same days.
windows as (

    select distinct
        school_key,
        from_date,
        to_date

    from spells

),

numbered_windows as (

    select
        windows.school_key,
        windows.from_date,
        windows.to_date,
        min(school_days.school_day_number) as first_day_number,
        max(school_days.school_day_number) as last_day_number

    from windows

    inner join school_days
        on
            windows.school_key = school_days.school_key
            and windows.from_date <= school_days.school_day_date
            and windows.to_date > school_days.school_day_date

    group by
        windows.school_key,
        windows.from_date,
        windows.to_date

),

final as (

    select
        spells.student_key,
        spells.school_key,
        numbered_windows.first_day_number,
        numbered_windows.last_day_number

    from spells

    inner join numbered_windows
        on
            spells.school_key = numbered_windows.school_key
            and spells.from_date = numbered_windows.from_date
            and spells.to_date = numbered_windows.to_date

)

select * from final
