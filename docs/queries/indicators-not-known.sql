-- Question: which indicators have no number, and what would they need?
-- Role: engineer
select
    dim_metrics.indicator_number,
    dim_metrics.words,
    fct_metrics.not_known_because,
    dim_metrics.note

from marts.fct_metrics

inner join marts.dim_metrics
    on fct_metrics.metric_id = dim_metrics.metric_id

where
    fct_metrics.school_key is null
    and fct_metrics.group_kind = 'all'
    and fct_metrics.metric_value is null

order by dim_metrics.indicator_number
