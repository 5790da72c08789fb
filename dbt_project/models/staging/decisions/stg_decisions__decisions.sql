with

source as (

    select * from {{ source('raw', 'decisions__decisions') }}

),

changes as (

    select * from {{ source('ops', 'student_change') }}

),

-- The key of the child who has each id now, where it is not the first one who had it.
in_force as (

    select
        student_source_id,
        student_key as later_key

    from changes

    where state in ('open', 'another')

),

-- Of whom each was said is in the id of its need: a list is of who stood on it,
-- whenever it comes back. Who was taken for another child is the one before.
final as (

    select
        source.release_id,
        source._student_source_id as student_source_id,
        source._school_source_id as school_source_id,
        source.rule_id,
        source.domain,
        source.service_ids,
        source.decision,
        source.service as chosen_service,
        source.reason as reason_code,
        source.decided_on as decided_date,
        source._effective_at as told_at,
        {{
            need_id(
                'source._student_source_id',
                'in_force.later_key',
                'source._school_source_id',
                'source.rule_id'
            )
        }} as need_id,
        upper(source.decided_by) as decided_by

    from source

    left join in_force
        on source._student_source_id = in_force.student_source_id

    left join changes
        on
            source._student_source_id = changes.student_source_id
            and cast(changes.student_key as text) = split_part(source.need_id, '-', 2)

    -- None where the child before was the first one who had the id.
    left join changes as earlier_changes
        on changes.earlier_key = earlier_changes.student_key

    where
        source._deleted_at is null
        and cast(in_force.later_key as text) is not distinct from case
            when changes.state in ('same', 'withdrawn')
                then cast(earlier_changes.student_key as text)
            else nullif(split_part(source.need_id, '-', 2), '')
        end

)

select * from final
