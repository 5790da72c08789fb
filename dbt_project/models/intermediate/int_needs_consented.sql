with

needs as (

    select * from {{ ref('int_needs_referred') }}

),

consents as (

    select * from {{ ref('int_consents_resolved') }}

),

-- Where no consent names the one who would serve, those for any partner speak; where
-- nobody would serve yet, all do.
consent_sums as (

    select
        needs.need_id,
        bool_or(consents.is_in_force) as is_in_force,
        bool_or(consents.is_withdrawn) as is_withdrawn,
        bool_or(consents.is_expired) as is_expired

    from needs

    left join consents as named_consents
        on
            needs.student_key = named_consents.student_key
            and needs.organization_id = named_consents.recipient_organization_id

    inner join consents
        on
            needs.student_key = consents.student_key
            and (
                needs.organization_id is null
                or consents.recipient_organization_id
                is not distinct from named_consents.recipient_organization_id
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
