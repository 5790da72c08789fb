with

needs as (

    select * from {{ ref('int_needs_referred') }}

),

consents as (

    select * from {{ ref('int_consents_resolved') }}

),

-- A consent speaks for a need when it is for any partner, or for the one who serves.
consent_sums as (

    select
        needs.need_id,
        bool_or(consents.is_in_force) as is_in_force,
        bool_or(consents.is_withdrawn) as is_withdrawn,
        bool_or(consents.is_expired) as is_expired

    from needs

    inner join consents
        on
            needs.student_key = consents.student_key
            and (
                consents.recipient_organization_id is null
                or needs.organization_id is null
                or needs.organization_id = consents.recipient_organization_id
            )

    group by needs.need_id

),

final as (

    select
        needs.need_id,
        case
            when consent_sums.is_in_force then 'on_file'
            when consent_sums.is_withdrawn then 'withdrawn'
            when consent_sums.is_expired then 'expired'
            else 'to_ask'
        end as consent_status

    from needs

    left join consent_sums
        on needs.need_id = consent_sums.need_id

)

select * from final
