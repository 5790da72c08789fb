with

spells as (

    select * from {{ ref('int_enrollment_spells_united') }}

),

school_days as (

    select * from {{ ref('int_instructional_days_resolved') }}
    where is_submitted

),

exceptions as (

    select * from {{ ref('int_attendance_exceptions_placed') }}

),

schools as (

    select * from {{ ref('int_schools_identified') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

final as (

    select
        spells.student_key,
        spells.school_key,
        school_days.school_day_number,
        run_dates.school_year,
        exceptions.absence_kind,
        school_days.school_day_date as attendance_date,
        coalesce(exceptions.is_absent, false) as is_absent,
        coalesce(exceptions.is_tardy, false) as is_tardy,
        -- No event is present where a school reports absences only; elsewhere unknown.
        coalesce(exceptions.is_known, schools.attendance_mode = 'negative') as is_known

    from spells

    inner join school_days
        on
            spells.school_key = school_days.school_key
            and spells.from_date <= school_days.school_day_date
            and spells.to_date > school_days.school_day_date

    inner join schools
        on spells.school_key = schools.school_key

    cross join run_dates

    left join exceptions
        on
            spells.spell_number * 1000 + school_days.school_day_number
            = exceptions.spell_day_number

)

select * from final
