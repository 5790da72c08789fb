with

consents as (

    select * from {{ ref('stg_consents__consents') }}

),

students as (

    select * from {{ ref('int_students_identified') }}

),

settings as (

    select * from {{ ref('int_settings_pivoted') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

-- One agency's consent covers no other; a blank recipient is any partner. With the age
-- of majority the right is the student's own, and a parent's consent has run out.
judged_consents as (

    select
        students.student_key,
        consents.consent_id,
        consents.recipient_organization_id,
        consents.expires_date,
        array_to_string(consents.records_scope, ' ') as records_scope,
        coalesce(consents.revoked_date <= run_dates.as_of_date, false) as is_withdrawn,
        coalesce(consents.expires_date < run_dates.as_of_date, false)
        or coalesce(
            consents.granted_by_role <> 'eligible_student'
            and students.age_years >= settings.consent_own_from_age,
            false
        ) as is_expired

    from consents

    cross join settings

    inner join students
        on consents.student_source_id = students.student_source_id

    inner join run_dates
        on consents.effective_date <= run_dates.as_of_date

),

-- Of several in force, the one that ends last is the one to name.
final as (

    select
        student_key,
        recipient_organization_id,
        (
            array_agg(
                consent_id
                order by expires_date desc nulls first, consent_id collate "C" asc
            ) filter (where not is_withdrawn and not is_expired)
        )[1] as consent_id,
        (
            array_agg(
                records_scope
                order by expires_date desc nulls first, consent_id collate "C" asc
            ) filter (where not is_withdrawn and not is_expired)
        )[1] as records_scope,
        bool_or(not is_withdrawn and not is_expired) as is_in_force,
        bool_or(is_withdrawn) as is_withdrawn,
        bool_or(is_expired and not is_withdrawn) as is_expired

    from judged_consents

    group by
        student_key,
        recipient_organization_id

)

select * from final
