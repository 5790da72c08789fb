with

needs as (

    select * from {{ ref('int_needs_referred') }}

),

steps as (

    select * from {{ ref('int_needs_stepped') }}

),

students as (

    select * from {{ ref('dim_students') }}

),

priorities as (

    select * from {{ ref('int_needs_prioritized') }}

),

decisions as (

    select * from {{ ref('int_decisions_told') }}

),

compared_needs as (

    select * from {{ ref('int_needs_compared') }}

),

aged_needs as (

    select
        needs.need_id,
        needs.student_key,
        needs.student_source_id,
        needs.school_key,
        needs.school_source_id,
        students.student_name,
        students.grade_level,
        needs.rule_id,
        needs.rule_version,
        needs.domain,
        needs.concern_level,
        needs.level_rank,
        needs.wording,
        needs.evidence,
        needs.services,
        needs.service_count,
        needs.referral_state,
        steps.next_step,
        steps.next_step_id,
        steps.due_date,
        steps.due_basis,
        steps.step_owner,
        steps.consent_status,
        needs.opened_date,
        needs.as_of_date,
        priorities.working_tier,
        priorities.referral_rank,
        priorities.need_number,
        compared_needs.change_kind,
        compared_needs.change_reason,
        compared_needs.rank_before,
        coalesce(decisions.decisions, cast('[]' as jsonb)) as decisions,
        needs.as_of_date - needs.opened_date as age_days,
        greatest(needs.as_of_date - needs.state_date, 0) as days_in_state,
        steps.due_date < needs.as_of_date as is_overdue,
        coalesce(needs.opened_date > needs.previous_as_of_date, false) as is_new

    from needs

    inner join steps
        on needs.need_id = steps.need_id

    inner join students
        on needs.student_key = students.student_key

    inner join priorities
        on needs.need_id = priorities.need_id

    inner join compared_needs
        on needs.need_id = compared_needs.need_id

    left join decisions
        on needs.need_id = decisions.need_id

),

final as (

    select
        student_key,
        student_source_id,
        school_key,
        school_source_id,
        referral_rank,
        student_name,
        grade_level,
        need_id,
        rule_id,
        rule_version,
        domain,
        concern_level as level,
        wording,
        services,
        decisions,
        referral_state as state,
        next_step,
        next_step_id,
        due_date,
        due_basis,
        step_owner as owner,
        consent_status,
        opened_date,
        age_days,
        days_in_state,
        change_kind,
        change_reason,
        rank_before,
        is_overdue,
        is_new,
        as_of_date,
        cast(service_count as integer) as service_count,
        jsonb_build_array(evidence) as evidence,
        jsonb_build_object(
            'level', concern_level,
            'tier', working_tier,
            'age_days', age_days,
            'rule_id', rule_id,
            'district_rank', need_number
        ) as priority

    from aged_needs

)

select * from final
