with

movements as (

    select * from {{ ref('fct_tier_movements') }}

),

final as (

    select
        school_key,
        fall_tier,
        spring_tier,
        movement,
        as_of_date,
        count(*) as student_count

    from movements

    group by
        school_key,
        fall_tier,
        spring_tier,
        movement,
        as_of_date

)

select * from final
