with

schools as (

    select * from {{ ref('int_schools_identified') }}

),

fidelity_measures as (

    select * from {{ ref('fidelity_measures') }}

),

counts as (

    select * from {{ ref('int_fidelity_counts_listed') }}

),

feeds as (

    select * from {{ ref('int_feeds_dated') }}

),

settings as (

    select * from {{ ref('int_settings_pivoted') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

-- Old years keep their definition.
measures as (

    select
        fidelity_measures.measure_id,
        fidelity_measures.measure_version,
        fidelity_measures.component_number,
        fidelity_measures.component,
        case
            when feeds.feed is null
                then 'needs the feed ' || fidelity_measures.needs_feed
            when
                fidelity_measures.measure_id = 'end_of_year'
                and run_dates.as_of_date < make_date(
                    run_dates.school_year,
                    cast(left(settings.carry_forward_from, 2) as integer),
                    cast(right(settings.carry_forward_from, 2) as integer)
                )
                then 'not asked before ' || settings.carry_forward_from
        end as not_known_because

    from fidelity_measures

    cross join settings

    inner join run_dates
        on
            coalesce(fidelity_measures.from_school_year <= run_dates.school_year, true)
            and coalesce(
                fidelity_measures.to_school_year >= run_dates.school_year, true
            )

    left join feeds
        on fidelity_measures.needs_feed = feeds.feed

),

final as (

    select
        schools.school_key,
        measures.measure_id,
        measures.measure_version,
        measures.component_number,
        measures.component,
        run_dates.school_year,
        run_dates.as_of_date,
        case
            when measures.not_known_because is null
                then cast(counts.numerator as integer)
        end as numerator,
        case
            when measures.not_known_because is null
                then cast(counts.denominator as integer)
        end as denominator,
        case
            when measures.not_known_because is null
                then cast(counts.numerator as numeric) / nullif(counts.denominator, 0)
        end as done_share,
        coalesce(
            measures.not_known_because,
            case
                when coalesce(counts.denominator, 0) = 0 then 'nobody is counted here'
            end
        ) as not_known_because

    from schools

    cross join measures

    cross join run_dates

    left join counts
        on
            schools.school_key = counts.school_key
            and measures.measure_id = counts.measure_id

)

select * from final
