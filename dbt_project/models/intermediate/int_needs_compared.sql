with

needs as (

    select * from {{ ref('int_needs_referred') }}

),

priorities as (

    select * from {{ ref('int_needs_prioritized') }}

),

needs_before as (

    select * from {{ ref('int_needs_shown_before') }}

),

placed_students as (

    select * from {{ ref('int_students_placed') }}

),

concern_levels as (

    select * from {{ ref('concern_levels') }}

),

schools_before as (

    select school_key

    from needs_before

    group by school_key

),

present_needs as (

    select
        needs.need_id,
        needs.student_key,
        needs.school_key,
        needs.rule_id,
        needs.referral_state,
        priorities.referral_rank,
        needs.level_rank,
        schools_before.school_key is not null as has_list_before

    from needs

    inner join priorities
        on needs.need_id = priorities.need_id

    left join schools_before
        on needs.school_key = schools_before.school_key

),

stayed_and_entered as (

    select
        present_needs.need_id,
        present_needs.student_key,
        present_needs.school_key,
        present_needs.rule_id,
        needs_before.referral_rank as rank_before,
        needs_before.concern_level as level_before,
        needs_before.referral_state as state_before,
        case
            when not present_needs.has_list_before then 'first_list'
            when needs_before.rule_id is null then 'entered'
            when not needs_before.is_on_list_before then 'entered'
            when
                present_needs.referral_state <> needs_before.referral_state
                then 'state'
            when present_needs.level_rank <> concern_levels.level_rank then 'level'
            when present_needs.referral_rank < needs_before.referral_rank
                then 'moved_up'
            when present_needs.referral_rank > needs_before.referral_rank
                then 'moved_down'
            else 'unchanged'
        end as change_kind,
        case
            when not present_needs.has_list_before then 'no_list_before'
            when needs_before.rule_id is null then 'first_seen'
            when not needs_before.is_on_list_before then 'returned'
            when present_needs.referral_state <> needs_before.referral_state
                then 'referral_went_on'
            when present_needs.level_rank > concern_levels.level_rank then 'level_rose'
            when present_needs.level_rank < concern_levels.level_rank then 'level_fell'
            when present_needs.referral_rank <> needs_before.referral_rank
                then 'others_moved'
            else 'same'
        end as change_reason

    from present_needs

    left join needs_before
        on
            present_needs.student_key = needs_before.student_key
            and present_needs.school_key = needs_before.school_key
            and present_needs.rule_id = needs_before.rule_id

    left join concern_levels
        on needs_before.concern_level = concern_levels.concern_level

),

left_needs as (

    select
        cast(null as text) as need_id,
        needs_before.student_key,
        needs_before.school_key,
        needs_before.rule_id,
        needs_before.referral_rank as rank_before,
        needs_before.concern_level as level_before,
        needs_before.referral_state as state_before,
        'left' as change_kind,
        case
            when placed_students.student_key is null then 'left_school'
            else 'no_longer_seen'
        end as change_reason

    from needs_before

    left join present_needs
        on
            needs_before.student_key = present_needs.student_key
            and needs_before.school_key = present_needs.school_key
            and needs_before.rule_id = present_needs.rule_id

    left join placed_students
        on
            needs_before.student_key = placed_students.student_key
            and needs_before.school_key = placed_students.school_key

    where
        needs_before.is_on_list_before
        and present_needs.need_id is null

),

final as (

    select * from stayed_and_entered
    union all
    select * from left_needs

)

select * from final
