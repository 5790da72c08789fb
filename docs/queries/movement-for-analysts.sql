-- Question: who got more support in spring than in fall, by group?
-- Role: analyst
select
    breakdown,
    group_value,
    category,
    student_count,
    is_suppressed

from analytics.metric

where metric in ('tier_movement', 'tier_change')

order by
    breakdown,
    group_value,
    category
