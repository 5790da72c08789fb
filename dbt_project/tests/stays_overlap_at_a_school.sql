-- What: two stays of a student at one school that share a day.
-- Why it matters: the shared days would count twice in every rate.
-- What to do: report it as a fault of the models; no data can cause it.
with

spells as (

    select * from {{ ref('int_enrollment_spells_united') }}

),

next_spells as (

    select
        student_key,
        school_key,
        to_date,
        lead(from_date) over (
            partition by student_key, school_key
            order by from_date asc
        ) as next_from_date

    from spells

),

final as (

    select
        student_key,
        school_key

    from next_spells

    where next_from_date <= to_date

)

select * from final
