with

placed_students as (

    select * from {{ ref('int_students_placed') }}

),

students as (

    select * from {{ ref('dim_students') }}

),

attendance as (

    select * from {{ ref('fct_attendance_to_date') }}

),

attendance_weeks as (

    select * from {{ ref('int_attendance_weeks_listed') }}

),

tiers as (

    select * from {{ ref('int_tiers_compared') }}

),

rosters as (

    select * from {{ ref('int_review_rosters_assigned') }}

),

referrals as (

    select * from {{ ref('fct_referrals') }}

),

needs as (

    select * from {{ ref('int_needs_opened') }}

),

strength_summaries as (

    select * from {{ ref('int_strengths_summarized') }}

),

held_students as (

    select * from {{ ref('int_students_held') }}

),

settings as (

    select * from {{ ref('int_settings_pivoted') }}

),

referral_counts as (

    select
        student_key,
        count(*) filter (where is_counted_active) as services_active_count,
        count(*) filter (where is_counted_waiting) as services_waiting_count

    from referrals

    group by student_key

),

need_counts as (

    select
        student_key,
        school_key,
        count(*) as open_need_count

    from needs

    group by
        student_key,
        school_key

),

-- Distinct, because several feeds may hold rows of a student.
held as (

    select distinct student_source_id from held_students

),

final as (

    select
        placed_students.student_key,
        placed_students.student_source_id,
        placed_students.school_key,
        placed_students.school_source_id,
        students.student_name,
        students.sort_name,
        placed_students.grade_level,
        rosters.class_title as homeroom,
        placed_students.home_language,
        placed_students.age_years,
        attendance.days_enrolled,
        cast(attendance.days_absent as numeric(6, 1)) as days_absent,
        attendance.attendance_band,
        attendance.is_chronically_absent,
        attendance.has_sufficient_days,
        tiers.suggested_tier,
        tiers.suggested_tier_reasons,
        tiers.decided_tier,
        tiers.decided_by,
        tiers.tier_difference,
        tiers.last_year_tier,
        strength_summaries.strengths_summary,
        tiers.is_carried_forward,
        tiers.decided_on,
        placed_students.is_in_question,
        placed_students.as_of_date,
        cast(round(attendance.absence_rate, 6) as numeric(7, 6)) as absence_rate,
        cast(coalesce(referral_counts.services_active_count, 0) as integer)
            as services_active_count,
        cast(coalesce(referral_counts.services_waiting_count, 0) as integer)
            as services_waiting_count,
        cast(coalesce(need_counts.open_need_count, 0) as integer) as open_need_count,
        coalesce(attendance_weeks.weekly_attendance, cast('[]' as jsonb))
            as weekly_attendance,
        held.student_source_id is not null as is_held

    from placed_students

    inner join students
        on placed_students.student_key = students.student_key

    cross join settings

    left join attendance
        on
            placed_students.student_key = attendance.student_key
            and settings.list_attendance_scope = attendance.scope
            and (
                attendance.scope = 'district'
                or placed_students.school_key = attendance.school_key
            )

    left join attendance_weeks
        on
            placed_students.student_key = attendance_weeks.student_key
            and placed_students.school_key = attendance_weeks.school_key

    left join tiers
        on
            placed_students.student_key = tiers.student_key
            and placed_students.school_key = tiers.school_key

    left join rosters
        on
            placed_students.student_key = rosters.student_key
            and placed_students.school_key = rosters.school_key

    left join referral_counts
        on placed_students.student_key = referral_counts.student_key

    left join need_counts
        on
            placed_students.student_key = need_counts.student_key
            and placed_students.school_key = need_counts.school_key

    left join strength_summaries
        on
            placed_students.student_key = strength_summaries.student_key
            and placed_students.school_key = strength_summaries.school_key

    left join held
        on placed_students.student_source_id = held.student_source_id

)

select * from final
