with

fidelity as (

    select * from {{ ref('fct_fidelity') }}

),

schools as (

    select * from {{ ref('int_schools_identified') }}

),

final as (

    select
        fidelity.school_key,
        schools.school_source_id,
        fidelity.measure_id,
        fidelity.measure_version,
        fidelity.component_number,
        fidelity.component,
        fidelity.school_year,
        fidelity.as_of_date,
        fidelity.numerator,
        fidelity.denominator,
        fidelity.done_share,
        fidelity.not_known_because

    from fidelity

    inner join schools
        on fidelity.school_key = schools.school_key

)

select * from final
