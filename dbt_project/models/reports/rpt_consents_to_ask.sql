with

queue as (

    select * from {{ ref('rpt_referral_queue') }}

),

needs as (

    select * from {{ ref('int_needs_referred') }}

),

students as (

    select * from {{ ref('dim_students') }}

),

-- One family is asked once for each provider, whatever the number of needs.
final as (

    select
        queue.student_key,
        queue.student_source_id,
        queue.school_key,
        queue.school_source_id,
        needs.organization_id,
        cast(count(*) as integer) as need_count,
        max(needs.organization_name) as organization_name,
        max(queue.student_name) as student_name,
        max(students.home_language) as home_language,
        max(queue.consent_status) as consent_status,
        min(queue.referral_rank) as referral_rank,
        min(queue.due_date) as due_date,
        max(queue.as_of_date) as as_of_date

    from queue

    inner join needs
        on queue.need_id = needs.need_id

    inner join students
        on queue.student_key = students.student_key

    where
        queue.consent_status in ('to_ask', 'expired')
        and needs.organization_id is not null

    group by
        queue.student_key,
        queue.student_source_id,
        queue.school_key,
        queue.school_source_id,
        needs.organization_id

)

select * from final
