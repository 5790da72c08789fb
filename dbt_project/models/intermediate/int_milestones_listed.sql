with

placed_students as (

    select * from {{ ref('int_students_placed') }}

),

credits as (

    select * from {{ ref('int_credits_summed') }}

),

competencies as (

    select * from {{ ref('int_competencies_counted') }}

),

settings as (

    select * from {{ ref('int_settings_pivoted') }}

),

all_measures as (

    select
        student_key,
        'credits_earned' as indicator_id,
        cast(null as text) as detail,
        year_credits_earned as numerator,
        nullif(year_credits_attempted, 0) as denominator,
        cast(null as date) as data_through_date

    from credits

    union all

    select
        student_key,
        'freshman_core_failures' as indicator_id,
        freshman_failed_titles as detail,
        freshman_core_failure_count as numerator,
        nullif(freshman_core_count, 0) as denominator,
        cast(null as date) as data_through_date

    from credits

    union all

    select
        credits.student_key,
        'freshman_credits' as indicator_id,
        cast(null as text) as detail,
        credits.freshman_credits_earned as numerator,
        settings.on_track_credits as denominator,
        cast(null as date) as data_through_date

    from credits

    cross join settings

    union all

    select
        student_key,
        'freshman_on_track' as indicator_id,
        cast(null as text) as detail,
        cast(is_on_track_after_grade_9 as integer) as numerator,
        1 as denominator,
        cast(null as date) as data_through_date

    from credits

    union all

    select
        credits.student_key,
        'algebra_1' as indicator_id,
        (array['F', 'D', 'C', 'B', 'A'])[credits.algebra_1_points + 1] as detail,
        credits.algebra_1_points as numerator,
        4 as denominator,
        cast(null as date) as data_through_date

    from credits

    union all

    select
        student_key,
        'competencies_mastered' as indicator_id,
        cast(null as text) as detail,
        mastered_count as numerator,
        competency_count as denominator,
        last_assessed_date as data_through_date

    from competencies

),

final as (

    select
        placed_students.student_key,
        placed_students.school_key,
        all_measures.indicator_id,
        all_measures.detail,
        cast(all_measures.numerator as numeric) as numerator,
        cast(all_measures.denominator as numeric) as denominator,
        all_measures.data_through_date

    from all_measures

    inner join placed_students
        on all_measures.student_key = placed_students.student_key

)

select * from final
