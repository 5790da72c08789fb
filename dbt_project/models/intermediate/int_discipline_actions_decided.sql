with

actions as (

    select * from {{ ref('stg_discipline__actions') }}

),

discipline_codes as (

    select * from {{ ref('discipline_codes') }}

),

ranked_disciplines as (

    select
        actions.student_source_id,
        actions.school_source_id,
        actions.action_id,
        actions.action_length_days,
        actions.discipline_date,
        discipline_codes.discipline_kind,
        discipline_codes.restrictiveness_rank,
        bool_or(discipline_codes.discipline_kind = 'restorative') over (
            partition by
                actions.student_source_id,
                actions.action_id,
                actions.discipline_date
        ) as is_restorative

    from actions

    inner join discipline_codes
        on lower(actions.discipline_code) = lower(discipline_codes.discipline_code)

),

-- Distinct, because an action has a row for each of its disciplines and counts once.
final as (

    select distinct on (student_source_id, action_id, discipline_date)
        student_source_id,
        school_source_id,
        action_id,
        discipline_kind,
        action_length_days,
        is_restorative,
        discipline_date

    from ranked_disciplines

    order by
        student_source_id asc,
        action_id asc,
        discipline_date asc,
        restrictiveness_rank asc,
        school_source_id asc

)

select * from final
