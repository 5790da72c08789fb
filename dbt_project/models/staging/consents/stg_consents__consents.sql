with

source as (

    select * from {{ source('raw', 'consents__consents') }}

),

final as (

    select
        consent_id,
        _student_source_id as student_source_id,
        recipient_organization_id,
        granted_by_role,
        records_scope,
        purpose,
        language as consent_language,
        signed_at as signed_date,
        effective_from as effective_date,
        expires_on as expires_date,
        revoked_at as revoked_date

    from source

    where
        _deleted_at is null
        and {{ is_told_of_child('_student_source_id') }}

)

select * from final
