with

school_associations as (

    select * from {{ ref('stg_roster__school_associations') }}

),

exit_types as (

    select * from {{ ref('exit_types') }}

),

settings as (

    select * from {{ ref('int_settings_pivoted') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

final as (

    select
        school_associations.student_source_id,
        school_associations.school_source_id,
        school_associations.grade_code,
        school_associations.entry_date as from_date,
        coalesce(exit_types.is_stay, true) as is_stay,
        coalesce(
            school_associations.exit_date
            + cast(settings.exit_day_is_enrolled as integer),
            run_dates.year_end_date
        ) as to_date

    from school_associations

    cross join settings

    cross join run_dates

    left join exit_types
        on school_associations.exit_type_code = exit_types.exit_type

)

select * from final
