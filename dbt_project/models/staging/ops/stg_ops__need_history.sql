with

source as (

    select * from {{ source('ops', 'need_history') }}

),

final as (

    select
        student_key,
        school_key,
        rule_id,
        first_seen_date,
        last_seen_date

    from source

)

select * from final
