with

placed_students as (

    select * from {{ ref('int_students_placed') }}

),

health as (

    select * from {{ ref('int_health_records_summed') }}

),

contacts as (

    select * from {{ ref('int_contacts_counted') }}

),

discipline_answers as (

    select * from {{ ref('int_discipline_answers_counted') }}

),

students as (

    select * from {{ ref('int_students_identified') }}

),

settings as (

    select * from {{ ref('int_settings_pivoted') }}

),

all_measures as (

    select
        student_key,
        'screening_follow_up' as indicator_id,
        follow_up_words as detail,
        follow_up_count as numerator,
        nullif(screening_count, 0) as denominator,
        last_recorded_date as data_through_date

    from health

    union all

    select
        student_key,
        'screenings_due' as indicator_id,
        due_words as detail,
        due_count as numerator,
        nullif(screening_count, 0) as denominator,
        last_recorded_date as data_through_date

    from health

    union all

    select
        student_key,
        'screenings_passed' as indicator_id,
        cast(null as text) as detail,
        screening_passed_count as numerator,
        nullif(screening_count, 0) as denominator,
        last_recorded_date as data_through_date

    from health

    union all

    select
        student_key,
        'immunizations_due' as indicator_id,
        cast(null as text) as detail,
        cast(has_immunizations_due as integer) as numerator,
        1 as denominator,
        last_recorded_date as data_through_date

    from health

    union all

    select
        student_key,
        'health_plan' as indicator_id,
        cast(null as text) as detail,
        1 as numerator,
        1 as denominator,
        last_recorded_date as data_through_date

    from health

    where has_health_plan

    union all

    select
        student_key,
        'reachable_contacts' as indicator_id,
        cast(null as text) as detail,
        reachable_count as numerator,
        1 as denominator,
        cast(null as date) as data_through_date

    from contacts

    union all

    select
        student_key,
        'iss_events' as indicator_id,
        cast(null as text) as detail,
        iss_event_count as numerator,
        1 as denominator,
        cast(null as date) as data_through_date

    from discipline_answers

    union all

    select
        student_key,
        'restorative_actions' as indicator_id,
        cast(null as text) as detail,
        nullif(restorative_count, 0) as numerator,
        1 as denominator,
        cast(null as date) as data_through_date

    from discipline_answers

    union all

    select
        students.student_key,
        'home_language' as indicator_id,
        students.home_language as detail,
        1 as numerator,
        1 as denominator,
        cast(null as date) as data_through_date

    from students

    inner join settings
        on lower(students.home_language) <> lower(settings.district_language)

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
