with

students as (

    select * from {{ ref('int_students_identified') }}

),

final as (

    select
        student_key,
        student_source_id,
        given_name,
        family_name,
        home_language,
        grade_level,
        age_years,
        is_counted_in_rates,
        birth_date,
        concat_ws(' ', given_name, family_name) as student_name,
        concat_ws(', ', family_name, given_name) as sort_name

    from students

)

select * from final
