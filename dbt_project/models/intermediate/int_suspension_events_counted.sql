with

suspensions as (

    select * from {{ ref('int_suspension_events_listed') }}

),

final as (

    select
        student_key,
        count(*) as oss_event_count

    from suspensions

    group by student_key

)

select * from final
