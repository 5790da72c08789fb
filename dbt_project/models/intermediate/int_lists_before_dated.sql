with

needs_before as (

    select * from {{ ref('int_needs_shown_before') }}

),

live_releases as (

    select * from {{ ref('int_releases_live') }}

),

releases as (

    select * from {{ ref('stg_ops__releases') }}

),

schools as (

    select * from {{ ref('int_schools_identified') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

-- What readers see is the list before, unless it is of this day; then its needs tell.
lists_before as (

    select
        needs_before.school_key,
        needs_before.seen_date as list_date

    from needs_before

    union all

    select
        live_releases.school_key,
        releases.as_of_date as list_date

    from live_releases

    inner join releases
        on live_releases.release_id = releases.release_id

    inner join run_dates
        on releases.as_of_date < run_dates.as_of_date

),

-- News is what happened after the school's list before, which is older where the school
-- was held; without one, after the release before, or on the day itself.
final as (

    select
        schools.school_key,
        coalesce(
            max(lists_before.list_date),
            max(run_dates.previous_as_of_date),
            max(run_dates.as_of_date) - 1
        ) as since_date

    from schools

    cross join run_dates

    left join lists_before
        on schools.school_key = lists_before.school_key

    group by schools.school_key

)

select * from final
