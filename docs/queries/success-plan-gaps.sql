-- Question: how many success plans lack something, and what?
-- Role: engineer
select
    dim_schools.school_name,
    coalesce(fct_success_plans.exception_reason, 'whole') as state_of_plan,
    count(*) as students

from marts.fct_success_plans

inner join marts.dim_schools
    on fct_success_plans.school_key = dim_schools.school_key

group by
    dim_schools.school_name,
    fct_success_plans.exception_reason

order by
    dim_schools.school_name,
    students desc
-- May be empty: a district may have no grades 6 to 12.
