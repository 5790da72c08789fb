with

metrics as (

    select * from {{ ref('metrics') }}

),

metric_facts as (

    select * from {{ ref('int_metric_facts_listed') }}

),

student_groups as (

    select * from {{ ref('int_student_groups_listed') }}

),

schools as (

    select * from {{ ref('int_schools_identified') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

group_sums as (

    select
        metric_facts.metric_id,
        metric_facts.school_key,
        student_groups.group_kind,
        student_groups.student_group,
        sum(metric_facts.numerator) as numerator,
        count(*) as denominator

    from metric_facts

    inner join student_groups
        on metric_facts.student_key = student_groups.student_key

    group by
        metric_facts.metric_id,
        metric_facts.school_key,
        student_groups.group_kind,
        student_groups.student_group

),

-- An event is counted; a share is of a hundred, as the targets are.
valued_sums as (

    select
        group_sums.metric_id,
        group_sums.school_key,
        group_sums.group_kind,
        group_sums.student_group,
        group_sums.numerator,
        group_sums.denominator,
        case metrics.unit
            when 'event' then group_sums.numerator
            else 100 * group_sums.numerator / group_sums.denominator
        end as metric_value

    from group_sums

    inner join metrics
        on group_sums.metric_id = metrics.metric_id

),

final as (

    select
        valued_sums.metric_id,
        metrics.metric_version,
        valued_sums.school_key,
        schools.school_source_id,
        valued_sums.group_kind,
        valued_sums.student_group,
        metrics.unit,
        run_dates.school_year,
        valued_sums.numerator,
        valued_sums.denominator,
        valued_sums.metric_value,
        run_dates.as_of_date,
        -- A target counted in events is the whole district's.
        case
            when
                metrics.unit = 'event'
                and (
                    valued_sums.school_key is not null
                    or valued_sums.group_kind <> 'all'
                ) then null
            when metrics.comparator = '<'
                then valued_sums.metric_value < metrics.target
            when metrics.comparator = '<='
                then valued_sums.metric_value <= metrics.target
            else valued_sums.metric_value >= metrics.target
        end as is_at_target

    from valued_sums

    inner join metrics
        on valued_sums.metric_id = metrics.metric_id

    cross join run_dates

    left join schools
        on valued_sums.school_key = schools.school_key

)

select * from final
