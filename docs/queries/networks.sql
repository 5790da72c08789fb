-- Question: how do the networks of schools stand beside the district?
-- Role: engineer
select
    of_network.metric_id,
    of_network.student_group as network_id,
    of_network.numerator,
    of_network.denominator,
    of_network.metric_value,
    of_all.metric_value as district_value

from marts.fct_metrics as of_network

inner join marts.fct_metrics as of_all
    on
        of_network.metric_id = of_all.metric_id
        and of_all.school_key is null
        and of_all.group_kind = 'all'

where of_network.group_kind = 'network'

order by
    of_network.metric_id,
    of_network.student_group
-- May be empty: networks come from a seed that the district fills in.
