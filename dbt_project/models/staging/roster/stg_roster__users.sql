with

source as (

    select * from {{ source('raw', 'roster__users') }}

),

final as (

    select
        sourced_id as user_source_id,
        org_sourced_ids as org_source_ids,
        role as user_role,
        grades as grade_codes,
        agent_sourced_ids as agent_source_ids,
        _held as is_held,
        coalesce(preferred_given_name, given_name) as given_name,
        coalesce(preferred_family_name, family_name) as family_name,
        num_nonnulls(phone, sms, email) > 0 as has_address

    from source

    where _deleted_at is null

)

select * from final
