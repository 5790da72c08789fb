-- Question: how far is the practice carried out, and what is not known?
-- Role: engineer
select
    dim_schools.school_name,
    fct_fidelity.component_number,
    fct_fidelity.component,
    fct_fidelity.numerator,
    fct_fidelity.denominator,
    round(100 * fct_fidelity.done_share) as percent,
    fct_fidelity.not_known_because

from marts.fct_fidelity

inner join marts.dim_schools
    on fct_fidelity.school_key = dim_schools.school_key

order by
    dim_schools.school_name,
    fct_fidelity.component_number
