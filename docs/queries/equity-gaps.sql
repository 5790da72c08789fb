-- Question: how far is each group of students from the district, indicator by indicator?
-- Role: engineer
select
    of_group.metric_id,
    of_group.group_kind,
    of_group.student_group,
    of_group.denominator as counted,
    round(of_group.metric_value, 1) as percent,
    round(of_group.metric_value - of_all.metric_value, 1) as points_from_district

from marts.fct_metrics as of_group

inner join marts.fct_metrics as of_all
    on
        of_group.metric_id = of_all.metric_id
        and of_all.school_key is null
        and of_all.group_kind = 'all'

where
    of_group.school_key is null
    and of_group.group_kind <> 'all'
    and of_group.unit = 'share'

order by
    of_group.metric_id,
    abs(of_group.metric_value - of_all.metric_value) desc
