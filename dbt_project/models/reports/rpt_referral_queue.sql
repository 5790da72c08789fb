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

tiers as (

    select * from {{ ref('int_tiers_suggested') }}

),

reviews as (

    select * from {{ ref('int_reviews_latest') }}

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
        steps.due_date,
        steps.step_owner,
        steps.consent_status,
        needs.opened_date,
        needs.as_of_date,
        coalesce(reviews.decided_tier, tiers.suggested_tier) as working_tier,
        needs.as_of_date - needs.opened_date as age_days,
        greatest(needs.as_of_date - needs.state_date, 0) as days_in_state,
        steps.due_date < needs.as_of_date as is_overdue,
        coalesce(needs.opened_date > needs.previous_as_of_date, false) as is_new

    from needs

    inner join steps
        on needs.need_id = steps.need_id

    inner join students
        on needs.student_key = students.student_key

    left join tiers
        on
            needs.student_key = tiers.student_key
            and needs.school_key = tiers.school_key

    left join reviews
        on needs.student_key = reviews.student_key

),

-- Tiers sort as their names do: 3, 2b, 2a, 1; not known comes last.
final as (

    select
        student_key,
        student_source_id,
        school_key,
        school_source_id,
        student_name,
        grade_level,
        need_id,
        rule_id,
        rule_version,
        domain,
        concern_level as level,
        wording,
        services,
        referral_state as state,
        next_step,
        due_date,
        step_owner as owner,
        consent_status,
        opened_date,
        age_days,
        days_in_state,
        is_overdue,
        is_new,
        as_of_date,
        cast(service_count as integer) as service_count,
        cast(
            row_number() over (
                partition by school_key
                order by
                    level_rank desc,
                    nullif(working_tier, 'not_known') collate "C" desc nulls last,
                    age_days desc,
                    rule_id collate "C" asc,
                    student_source_id collate "C" asc
            ) as integer
        ) as referral_rank,
        jsonb_build_array(evidence) as evidence,
        jsonb_build_object(
            'level', concern_level,
            'tier', working_tier,
            'age_days', age_days,
            'rule_id', rule_id
        ) as priority

    from aged_needs

)

select * from final
