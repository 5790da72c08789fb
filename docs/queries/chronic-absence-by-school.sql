-- Question: which schools are above the target of chronic absence?
-- Role: engineer
select
    dim_schools.school_name,
    fct_metrics.numerator as chronically_absent,
    fct_metrics.denominator as counted,
    round(fct_metrics.metric_value, 1) as percent,
    dim_metrics.target,
    fct_metrics.is_at_target

from marts.fct_metrics

inner join marts.dim_metrics
    on fct_metrics.metric_id = dim_metrics.metric_id

inner join marts.dim_schools
    on fct_metrics.school_key = dim_schools.school_key

where
    fct_metrics.metric_id = 'chronic_absenteeism'
    and fct_metrics.group_kind = 'all'

order by fct_metrics.metric_value desc nulls last
