-- Question: how many children does each kind of service reach, and who delivers it?
-- Role: engineer
select
    category_group,
    delivered_by,
    count(distinct student_key) as students,
    count(*) as services_of_students,
    sum(session_count) as sessions

from marts.fct_student_services

group by
    category_group,
    delivered_by

order by students desc
-- May be empty: a district may have sent no service events yet.
