with

measures as (

    select * from {{ ref('int_measures_gathered') }}

),

review_measures as (

    select * from {{ ref('int_review_measures_listed') }}

),

whole_child_measures as (

    select * from {{ ref('int_whole_child_listed') }}

),

milestone_measures as (

    select * from {{ ref('int_milestones_listed') }}

),

circumstances as (

    select * from {{ ref('int_circumstances_listed') }}

),

indicators as (

    select * from {{ ref('indicators') }}

),

privacy_scopes as (

    select * from {{ ref('privacy_scopes') }}

),

-- One line per measure: its id, what is counted, of how much, words, and how fresh.
listed_measures as (

    select
        measures.student_key,
        measures.school_key,
        listed.indicator_id,
        listed.detail,
        listed.numerator,
        listed.denominator,
        listed.data_through_date

    from measures

    cross join lateral (
        values
        (
            'missed_share', null,
            cast(measures.days_absent as numeric),
            cast(measures.days_enrolled as numeric),
            measures.attendance_through_date
        ),
        (
            'recent_absences', null,
            measures.recent_days_absent,
            nullif(measures.recent_days_enrolled, 0),
            measures.attendance_through_date
        ),
        (
            'tardy_share', null,
            measures.days_tardy_at_school,
            nullif(measures.days_enrolled_at_school, 0),
            measures.attendance_through_date
        ),
        (
            'present_streak', null,
            measures.days_present_in_a_row,
            1,
            measures.attendance_through_date
        ),
        (
            'failing_courses', measures.failing_class_titles,
            measures.failing_course_count,
            measures.course_count,
            null
        ),
        (
            'average_mark', null,
            measures.points_earned,
            measures.points_possible,
            null
        ),
        (
            'best_course', measures.best_class_title,
            measures.best_points_earned,
            measures.best_points_possible,
            null
        ),
        ('mark_change', null, measures.changed_points, 1, null),
        (
            'incidents', null,
            measures.incident_count,
            1,
            measures.discipline_through_date
        ),
        (
            'recent_incidents', null,
            measures.recent_incident_count,
            measures.incident_recent_days,
            measures.discipline_through_date
        ),
        (
            'oss_events', null,
            measures.oss_event_count,
            1,
            measures.discipline_through_date
        ),
        ('school_changes', null, measures.school_change_count, 1, null)
    ) as listed (indicator_id, detail, numerator, denominator, data_through_date)

),

all_measures as (

    select * from listed_measures
    union all
    select * from review_measures
    union all
    select * from whole_child_measures
    union all
    select * from milestone_measures
    union all
    select * from circumstances

),

-- What may not stand on a list goes no further: no rule, level or tier may tell of it.
open_indicators as (

    select indicators.indicator_id

    from indicators

    left join privacy_scopes
        on indicators.privacy_scope = privacy_scopes.privacy_scope

    where coalesce(privacy_scopes.may_be_listed, indicators.privacy_scope is null)

),

-- What is not known has no row: no rule speaks about it.
final as (

    select
        all_measures.student_key,
        all_measures.school_key,
        all_measures.indicator_id,
        all_measures.detail,
        all_measures.numerator,
        all_measures.denominator,
        all_measures.data_through_date

    from all_measures

    inner join open_indicators
        on all_measures.indicator_id = open_indicators.indicator_id

    where
        all_measures.numerator is not null
        and all_measures.denominator is not null

)

select * from final
