with

measures as (

    select * from {{ ref('int_measures_gathered') }}

),

placed_students as (

    select * from {{ ref('int_students_placed') }}

),

review_domains as (

    select * from {{ ref('int_review_domains_latest') }}

),

whole_child_measures as (

    select * from {{ ref('int_whole_child_listed') }}

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

listed_reviews as (

    select
        placed_students.student_key,
        placed_students.school_key,
        listed.indicator_id,
        listed.detail,
        listed.numerator,
        1 as denominator,
        review_domains.reviewed_date as data_through_date

    from review_domains

    inner join placed_students
        on review_domains.student_key = placed_students.student_key

    cross join lateral (
        values
        (
            'review_' || review_domains.domain,
            review_domains.needs_text,
            review_domains.level_rank
        ),
        (
            'strengths_' || review_domains.domain,
            review_domains.strengths_text,
            review_domains.strength_count
        )
    ) as listed (indicator_id, detail, numerator)

),

all_measures as (

    select * from listed_measures
    union all
    select * from listed_reviews
    union all
    select * from whole_child_measures

),

-- What is not known has no row: no rule speaks about it.
final as (

    select
        student_key,
        school_key,
        indicator_id,
        detail,
        numerator,
        denominator,
        data_through_date

    from all_measures

    where
        numerator is not null
        and denominator is not null

)

select * from final
