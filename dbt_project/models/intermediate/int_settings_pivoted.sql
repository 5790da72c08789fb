with

settings as (

    select * from {{ ref('settings') }}

),

setting_presets as (

    select * from {{ ref('setting_presets') }}

),

active_presets as (

    select setting_value as preset

    from settings

    where setting_id = 'attendance_preset'

),

-- What the district says itself stands over the preset in force.
choices as (

    select
        jsonb_object_agg(
            settings.setting_id,
            coalesce(settings.setting_value, setting_presets.setting_value)
        ) as choice

    from settings

    cross join active_presets

    left join setting_presets
        on
            settings.setting_id = setting_presets.setting_id
            and active_presets.preset = setting_presets.preset

),

final as (

    select
        cast(choice ->> 'chronic_share_numerator' as integer)
            as chronic_share_numerator,
        cast(choice ->> 'chronic_share_denominator' as integer)
            as chronic_share_denominator,
        cast(choice ->> 'minimum_enrolled_days' as integer) as minimum_enrolled_days,
        cast(choice ->> 'present_minimum_numerator' as integer)
            as present_minimum_numerator,
        cast(choice ->> 'present_minimum_denominator' as integer)
            as present_minimum_denominator,
        cast(choice ->> 'suspension_days_without_length' as integer)
            as suspension_days_without_length,
        cast(choice ->> 'section_periods_per_day' as integer)
            as section_periods_per_day,
        cast(choice ->> 'recent_days' as integer) as recent_days,
        cast(choice ->> 'weeks_shown' as integer) as weeks_shown,
        cast(choice ->> 'incident_recent_days' as integer) as incident_recent_days,
        cast(choice ->> 'services_shown' as integer) as services_shown,
        cast(choice ->> 'services_considered' as integer) as services_considered,
        cast(choice ->> 'consent_own_from_age' as integer) as consent_own_from_age,
        cast(choice ->> 'strengths_shown' as integer) as strengths_shown,
        cast(choice ->> 'service_stale_after_days' as integer)
            as service_stale_after_days,
        cast(choice ->> 'service_within_km' as integer) as service_within_km,
        cast(choice ->> 'first_response_days' as integer) as first_response_days,
        cast(choice ->> 'first_response_latest_days' as integer)
            as first_response_latest_days,
        cast(choice ->> 'passing_numerator' as integer) as passing_numerator,
        cast(choice ->> 'passing_denominator' as integer) as passing_denominator,
        cast(choice ->> 'untold_score_maximum' as numeric) as untold_score_maximum,
        cast(choice ->> 'individual_review_due_days' as integer)
            as individual_review_due_days,
        cast(choice ->> 'plan_review_after_weeks' as integer)
            as plan_review_after_weeks,
        cast(choice ->> 'plan_review_latest_weeks' as integer)
            as plan_review_latest_weeks,
        cast(choice ->> 'success_plan_grade_from' as integer)
            as success_plan_grade_from,
        cast(choice ->> 'success_plan_grade_to' as integer) as success_plan_grade_to,
        cast(choice ->> 'success_plan_parts' as integer) as success_plan_parts,
        cast(choice ->> 'proficient_level_rank' as integer) as proficient_level_rank,
        cast(choice ->> 'algebra_1_points' as integer) as algebra_1_points,
        cast(choice ->> 'inquiry_small_count' as integer) as inquiry_small_count,
        cast(choice ->> 'algebra_1_by_grade' as integer) as algebra_1_by_grade,
        cast(choice ->> 'on_track_credits' as integer) as on_track_credits,
        cast(choice ->> 'on_track_core_failures' as integer) as on_track_core_failures,
        cast(choice ->> 'truancy_month_days' as integer) as truancy_month_days,
        cast(choice ->> 'truancy_year_days' as integer) as truancy_year_days,
        cast(choice ->> 'truancy_age_from' as integer) as truancy_age_from,
        cast(choice ->> 'truancy_age_to' as integer) as truancy_age_to,
        cast(choice ->> 'chronic_share_is_inclusive' as boolean)
            as chronic_share_is_inclusive,
        cast(choice ->> 'present_minimum_is_inclusive' as boolean)
            as present_minimum_is_inclusive,
        cast(choice ->> 'oss_is_absence' as boolean) as oss_is_absence,
        cast(choice ->> 'iss_is_absence' as boolean) as iss_is_absence,
        cast(choice ->> 'state_excused_is_not_enrolled' as boolean)
            as state_excused_is_not_enrolled,
        cast(choice ->> 'exit_day_is_enrolled' as boolean) as exit_day_is_enrolled,
        choice ->> 'attendance_preset' as attendance_preset,
        choice ->> 'chronic_scope' as chronic_scope,
        choice ->> 'rates_from_grade' as rates_from_grade,
        choice ->> 'plan_review_from_tier' as plan_review_from_tier,
        choice ->> 'success_plan_due' as success_plan_due,
        choice ->> 'carry_forward_from' as carry_forward_from,
        choice ->> 'carry_forward_until' as carry_forward_until,
        choice ->> 'attendance_mode' as attendance_mode,
        choice ->> 'list_attendance_scope' as list_attendance_scope,
        choice ->> 'district_overlap_absent_when' as district_overlap_absent_when,
        choice ->> 'spring_review_starts' as spring_review_starts,
        choice ->> 'tier_system' as tier_system,
        choice ->> 'district_language' as district_language,
        choice ->> 'school_day_starts' as school_day_starts,
        choice ->> 'school_day_ends' as school_day_ends

    from choices

)

select * from final
