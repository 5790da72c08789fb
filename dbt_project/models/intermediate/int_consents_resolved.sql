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

-- With the age of majority the right is the student's own, and a parent's consent has
-- run out.
judged_consents as (

    select
        students.student_key,
        consents.consent_id,
        consents.recipient_organization_id,
        consents.records_scope,
        consents.signed_date,
        consents.expires_date,
        consents.effective_date <= run_dates.as_of_date as has_begun,
        case
            when consents.revoked_date <= run_dates.as_of_date
                then consents.revoked_date
        end as withdrawn_date,
        coalesce(consents.expires_date < run_dates.as_of_date, false)
        or coalesce(
            consents.granted_by_role <> 'eligible_student'
            and students.age_years >= settings.consent_own_from_age,
            false
        ) as is_expired

    from consents

    cross join settings

    cross join run_dates

    inner join students
        on consents.student_source_id = students.student_source_id

),

-- Distinct, because a family may have signed for the same recipient several times.
recipients as (

    select distinct
        student_key,
        recipient_organization_id

    from judged_consents

    where has_begun

),

-- One agency's consent covers no other; a blank recipient is any partner.
spoken_consents as (

    select
        recipients.student_key,
        recipients.recipient_organization_id,
        judged_consents.recipient_organization_id as named_organization_id,
        judged_consents.consent_id,
        judged_consents.records_scope,
        judged_consents.signed_date,
        judged_consents.expires_date,
        judged_consents.is_expired,
        judged_consents.withdrawn_date

    from recipients

    inner join judged_consents
        on
            recipients.student_key = judged_consents.student_key
            and coalesce(
                recipients.recipient_organization_id
                = judged_consents.recipient_organization_id,
                judged_consents.recipient_organization_id is null
            )

    where judged_consents.has_begun

),

withdrawals as (

    select * from judged_consents
    where withdrawn_date is not null

),

-- A withdrawal is the later word on what was signed before it, for the same recipient
-- and of the same records, and a blank list is of all.
weighed_consents as (

    select
        spoken_consents.student_key,
        spoken_consents.recipient_organization_id,
        spoken_consents.consent_id,
        spoken_consents.signed_date,
        spoken_consents.expires_date,
        spoken_consents.is_expired,
        spoken_consents.named_organization_id is not null as is_named,
        cardinality(spoken_consents.records_scope) as records_count,
        array_to_string(spoken_consents.records_scope, ' ') as records_scope,
        spoken_consents.withdrawn_date is not null
        or bool_or(withdrawals.student_key is not null) as is_withdrawn

    from spoken_consents

    left join withdrawals
        on
            spoken_consents.student_key = withdrawals.student_key
            and spoken_consents.signed_date < withdrawals.withdrawn_date
            and coalesce(
                spoken_consents.records_scope && withdrawals.records_scope, true
            )
            and (
                spoken_consents.named_organization_id
                is not distinct from withdrawals.recipient_organization_id
                or spoken_consents.recipient_organization_id
                = withdrawals.recipient_organization_id
            )

    group by
        spoken_consents.student_key,
        spoken_consents.recipient_organization_id,
        spoken_consents.named_organization_id,
        spoken_consents.consent_id,
        spoken_consents.signed_date,
        spoken_consents.expires_date,
        spoken_consents.is_expired,
        spoken_consents.records_scope,
        spoken_consents.withdrawn_date

),

-- Of several in force, the one that names the recipient is named, then the family's
-- last word, then the one of fewer records.
final as (

    select
        student_key,
        recipient_organization_id,
        (
            array_agg(
                consent_id order by
                    is_named desc,
                    signed_date desc nulls last,
                    records_count asc,
                    expires_date desc nulls first,
                    consent_id collate "C" asc
            ) filter (where not is_withdrawn and not is_expired)
        )[1] as consent_id,
        (
            array_agg(
                records_scope order by
                    is_named desc,
                    signed_date desc nulls last,
                    records_count asc,
                    expires_date desc nulls first,
                    consent_id collate "C" asc
            ) filter (where not is_withdrawn and not is_expired)
        )[1] as records_scope,
        bool_or(not is_withdrawn and not is_expired) as is_in_force,
        bool_or(is_withdrawn) as is_withdrawn,
        bool_or(is_expired) as is_expired

    from weighed_consents

    group by
        student_key,
        recipient_organization_id

)

select * from final
