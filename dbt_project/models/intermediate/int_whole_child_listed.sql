with

placed_students as (

    select * from {{ ref('int_students_placed') }}

),

assessments as (

    select * from {{ ref('int_assessments_latest') }}

),

level_marks as (

    select * from {{ ref('int_level_marks_summed') }}

),

programs as (

    select * from {{ ref('int_programs_active') }}

),

survey_scales as (

    select * from {{ ref('int_survey_scales_latest') }}

),

participation as (

    select * from {{ ref('int_participation_counted') }}

),

all_measures as (

    select
        student_key,
        assessment_area || '_level' as indicator_id,
        level_label as detail,
        cast(level_rank as numeric) as numerator,
        cast(level_count as numeric) as denominator,
        administered_date as data_through_date

    from assessments

    union all

    select
        student_key,
        assessment_area || '_growth' as indicator_id,
        level_label as detail,
        level_change as numerator,
        1 as denominator,
        administered_date as data_through_date

    from assessments

    union all

    select
        student_key,
        'low_level_courses' as indicator_id,
        low_courses as detail,
        low_course_count as numerator,
        judged_low_count as denominator,
        null as data_through_date

    from level_marks

    union all

    select
        student_key,
        'met_level_courses' as indicator_id,
        met_courses as detail,
        met_course_count as numerator,
        judged_met_count as denominator,
        null as data_through_date

    from level_marks

    union all

    select
        student_key,
        'program_' || program_kind as indicator_id,
        detail,
        1 as numerator,
        1 as denominator,
        null as data_through_date

    from programs

    union all

    select
        student_key,
        'voice_' || survey_scale as indicator_id,
        null as detail,
        score as numerator,
        5 as denominator,
        administered_date as data_through_date

    from survey_scales

    union all

    select
        student_key,
        'service_sessions' as indicator_id,
        null as detail,
        session_count as numerator,
        1 as denominator,
        last_session_date as data_through_date

    from participation

),

final as (

    select
        placed_students.student_key,
        placed_students.school_key,
        all_measures.indicator_id,
        all_measures.detail,
        all_measures.numerator,
        all_measures.denominator,
        all_measures.data_through_date

    from all_measures

    inner join placed_students
        on all_measures.student_key = placed_students.student_key

)

select * from final
