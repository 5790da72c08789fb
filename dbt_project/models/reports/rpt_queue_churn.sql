with

compared_needs as (

    select * from {{ ref('int_needs_compared') }}

),

schools as (

    select * from {{ ref('dim_schools') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

change_counts as (

    select
        school_key,
        change_kind,
        change_reason,
        count(*) as need_count

    from compared_needs

    group by
        school_key,
        change_kind,
        change_reason

),

final as (

    select
        schools.school_key,
        schools.school_source_id,
        change_counts.change_kind,
        change_counts.change_reason,
        cast(change_counts.need_count as integer) as need_count,
        run_dates.as_of_date

    from change_counts

    inner join schools
        on change_counts.school_key = schools.school_key

    cross join run_dates

)

select * from final
