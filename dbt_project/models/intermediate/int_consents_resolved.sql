with

consents as (

    select * from {{ ref('stg_consents__consents') }}

),

students as (

    select * from {{ ref('int_students_identified') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

-- One agency's consent covers no other; a blank recipient is any partner.
judged_consents as (

    select
        students.student_key,
        consents.recipient_organization_id,
        coalesce(consents.revoked_date <= run_dates.as_of_date, false) as is_withdrawn,
        coalesce(consents.expires_date < run_dates.as_of_date, false) as is_expired

    from consents

    inner join students
        on consents.student_source_id = students.student_source_id

    inner join run_dates
        on consents.effective_date <= run_dates.as_of_date

),

final as (

    select
        student_key,
        recipient_organization_id,
        bool_or(not is_withdrawn and not is_expired) as is_in_force,
        bool_or(is_withdrawn) as is_withdrawn,
        bool_or(is_expired and not is_withdrawn) as is_expired

    from judged_consents

    group by
        student_key,
        recipient_organization_id

)

select * from final
