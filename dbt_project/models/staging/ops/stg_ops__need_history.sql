with

source as (

    select * from {{ source('ops', 'need_history') }}

),

final as (

    select
        student_key,
        school_key,
        rule_id,
        first_value,
        last_value,
        last_rank,
        last_level,
        last_state,
        prior_rank,
        prior_level,
        prior_state,
        first_seen_date,
        last_seen_date,
        prior_seen_date

    from source

)

select * from final
