with

student_groups as (

    select * from {{ ref('int_student_groups_dated') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

final as (

    select
        student_groups.student_key,
        max(student_groups.student_group) filter (
            where student_groups.group_kind = 'race_ethnicity'
        ) as race_ethnicity,
        max(student_groups.student_group) filter (
            where student_groups.group_kind = 'residency'
        ) as residency,
        max(student_groups.student_group) filter (
            where student_groups.group_kind = 'economic_status'
        ) as economic_status,
        max(student_groups.student_group) filter (
            where student_groups.group_kind = 'english_learner'
        ) as english_learner,
        max(student_groups.student_group) filter (
            where student_groups.group_kind = 'special_education'
        ) as special_education

    from student_groups

    inner join run_dates
        on student_groups.metric_date = run_dates.as_of_date

    group by student_groups.student_key

)

select * from final
