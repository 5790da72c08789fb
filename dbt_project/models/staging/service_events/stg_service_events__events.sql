with

source as not materialized (

    select * from {{ source('raw', 'service_events__events') }}

),

-- A referral that began before the id went to another child stays with the first,
-- whatever its provider tells of it since.
earlier_referrals as (

    select
        source._student_source_id,
        source.referral_id

    from source

    inner join {{ source('ops', 'student_change') }} as changes
        on source._student_source_id = changes.student_source_id

    where
        changes.state in ('open', 'another')
        and (
            source._effective_at < changes.told_since
            or source.event_date < changes.told_since_date
        )

),

final as (

    select
        event_id,
        referral_id,
        _student_source_id as student_source_id,
        _school_source_id as school_source_id,
        service_id,
        rule_id,
        domain,
        event_type,
        state as referral_state,
        reason,
        sequence as event_sequence,
        minutes as attended_minutes,
        event_date

    from source

    where
        _deleted_at is null
        and not exists (
            select 1 from earlier_referrals
            where
                earlier_referrals._student_source_id = source._student_source_id
                and earlier_referrals.referral_id = source.referral_id
        )

)

select * from final
