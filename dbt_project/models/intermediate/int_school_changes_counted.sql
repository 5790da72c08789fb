with

spells as (

    select * from {{ ref('int_enrollment_spells_united') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

final as (

    select
        spells.student_key,
        count(distinct spells.school_key) - 1 as school_change_count

    from spells

    inner join run_dates
        on
            spells.from_date <= run_dates.as_of_date
            and spells.to_date > run_dates.year_start_date

    group by spells.student_key

)

select * from final
