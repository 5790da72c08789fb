with

cycles as (

    select * from {{ ref('stg_inquiry_cycles__cycles') }}

),

schools as (

    select * from {{ ref('int_schools_identified') }}

),

baselines as (

    select * from {{ ref('stg_ops__inquiry_baselines') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

-- A cycle of the district is shown at every school, with the figure of the district.
final as (

    select
        cycles.cycle_id,
        schools.school_key,
        schools.school_source_id,
        cycles.metric_id,
        cycles.problem,
        cycles.owner_name,
        baselines.metric_version as before_version,
        baselines.school_year as before_school_year,
        baselines.numerator as before_numerator,
        baselines.denominator as before_denominator,
        baselines.metric_value as before_value,
        cycles.started_date,
        cycles.review_date,
        baselines.as_of_date as before_date,
        case
            when cycles.school_source_id is null then 'district'
            else 'school'
        end as cycle_scope,
        case
            when cycles.school_source_id is not null then schools.school_key
        end as counted_school_key

    from cycles

    inner join schools
        on
            coalesce(cycles.school_source_id, schools.school_source_id)
            = schools.school_source_id

    inner join run_dates
        on
            cycles.started_date <= run_dates.as_of_date
            and coalesce(cycles.ended_date > run_dates.as_of_date, true)

    left join baselines
        on
            cycles.cycle_id = baselines.cycle_id
            and schools.school_key = baselines.school_key

)

select * from final
