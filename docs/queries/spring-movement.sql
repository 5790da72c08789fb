-- Question: from which tier to which did children move between fall and spring?
-- Role: engineer
select
    dim_schools.school_name,
    fct_tier_matrix.fall_tier,
    fct_tier_matrix.spring_tier,
    fct_tier_matrix.movement,
    fct_tier_matrix.student_count

from marts.fct_tier_matrix

inner join marts.dim_schools
    on fct_tier_matrix.school_key = dim_schools.school_key

order by
    dim_schools.school_name,
    fct_tier_matrix.fall_tier,
    fct_tier_matrix.spring_tier
