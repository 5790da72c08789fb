-- Question: is chronic absence shared evenly? Small counts are hidden, with what gives them away.
-- Role: analyst
select
    breakdown,
    group_value,
    category,
    student_count,
    rate,
    is_suppressed,
    as_of_date

from analytics.metric

where metric = 'attendance'

order by
    breakdown,
    group_value,
    category
