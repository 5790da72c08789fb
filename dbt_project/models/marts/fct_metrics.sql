with

metrics as (

    select * from {{ ref('dim_metrics') }}

),

group_sums as (

    select * from {{ ref('int_metric_groups_summed') }}

),

schools as (

    select * from {{ ref('int_schools_identified') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

places as (

    select
        school_key,
        school_source_id
    from schools
    union all
    select
        cast(null as integer) as school_key,
        null as school_source_id

),

-- Every metric speaks of every school and of the district, if only to say: not known.
metric_places as (

    select
        metrics.metric_id,
        places.school_key,
        places.school_source_id

    from metrics

    cross join places

),

groups as (

    select
        metric_id,
        school_key,
        group_kind,
        student_group

    from group_sums

    union distinct

    select
        metric_id,
        school_key,
        'all' as group_kind,
        'all' as student_group

    from metric_places

),

-- An event is counted; a share is of a hundred, as the targets are.
valued_groups as (

    select
        groups.metric_id,
        groups.school_key,
        groups.group_kind,
        groups.student_group,
        group_sums.numerator,
        coalesce(group_sums.denominator, 0) as denominator,
        case metrics.unit
            when 'event' then group_sums.numerator
            else 100 * group_sums.numerator / nullif(group_sums.denominator, 0)
        end as metric_value

    from groups

    inner join metrics
        on groups.metric_id = metrics.metric_id

    left join group_sums
        on
            groups.metric_id = group_sums.metric_id
            and groups.school_key is not distinct from group_sums.school_key
            and groups.group_kind = group_sums.group_kind
            and groups.student_group = group_sums.student_group

),

final as (

    select
        valued_groups.metric_id,
        metrics.metric_version,
        valued_groups.school_key,
        metric_places.school_source_id,
        valued_groups.group_kind,
        valued_groups.student_group,
        metrics.unit,
        run_dates.school_year,
        valued_groups.numerator,
        valued_groups.denominator,
        valued_groups.metric_value,
        run_dates.as_of_date,
        -- A target counted in events is the whole district's.
        case
            when
                metrics.unit = 'event'
                and (
                    valued_groups.school_key is not null
                    or valued_groups.group_kind <> 'all'
                ) then null
            when metrics.comparator = '<'
                then valued_groups.metric_value < metrics.target
            when metrics.comparator = '<='
                then valued_groups.metric_value <= metrics.target
            else valued_groups.metric_value >= metrics.target
        end as is_at_target,
        case
            when valued_groups.metric_value is null
                then coalesce(metrics.not_known_because, 'nobody is counted here')
        end as not_known_because

    from valued_groups

    inner join metrics
        on valued_groups.metric_id = metrics.metric_id

    inner join metric_places
        on
            valued_groups.metric_id = metric_places.metric_id
            and valued_groups.school_key is not distinct from metric_places.school_key

    cross join run_dates

)

select * from final
