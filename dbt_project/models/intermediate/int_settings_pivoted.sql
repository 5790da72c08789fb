with

settings as (

    select * from {{ ref('settings') }}

),

choices as (

    select jsonb_object_agg(setting_id, setting_value) as choice

    from settings

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
        cast(choice ->> 'recent_days' as integer) as recent_days,
        cast(choice ->> 'weeks_shown' as integer) as weeks_shown,
        cast(choice ->> 'incident_recent_days' as integer) as incident_recent_days,
        cast(choice ->> 'services_shown' as integer) as services_shown,
        cast(choice ->> 'strengths_shown' as integer) as strengths_shown,
        cast(choice ->> 'service_stale_after_days' as integer)
            as service_stale_after_days,
        cast(choice ->> 'passing_numerator' as integer) as passing_numerator,
        cast(choice ->> 'passing_denominator' as integer) as passing_denominator,
        cast(choice ->> 'oss_is_absence' as boolean) as oss_is_absence,
        cast(choice ->> 'iss_is_absence' as boolean) as iss_is_absence,
        choice ->> 'attendance_mode' as attendance_mode,
        choice ->> 'list_attendance_scope' as list_attendance_scope,
        choice ->> 'district_overlap_absent_when' as district_overlap_absent_when,
        choice ->> 'school_year_starts' as school_year_starts,
        choice ->> 'spring_review_starts' as spring_review_starts,
        choice ->> 'tier_system' as tier_system

    from choices

)

select * from final
