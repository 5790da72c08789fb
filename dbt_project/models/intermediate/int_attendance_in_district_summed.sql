with

overlapping_days as (

    select * from {{ ref('int_attendance_overlaps_decided') }}

),

by_school as (

    select * from {{ ref('int_attendance_by_school_summed') }}

),

-- Distinct, because each date of such a student is a row.
overlapping_students as (

    select distinct student_key from overlapping_days

),

overlapping_sums as (

    select
        student_key,
        count(*) filter (where is_known) as days_enrolled,
        count(*) filter (where is_absent) as days_absent,
        count(*) filter (where is_absent and absence_kind = 'excused')
            as days_absent_excused,
        count(*) filter (where is_absent and absence_kind = 'unexcused')
            as days_absent_unexcused,
        count(*) filter (where is_absent and absence_kind = 'suspension')
            as days_absent_suspension,
        count(*) filter (where is_tardy and not is_absent) as days_tardy

    from overlapping_days

    group by student_key

),

plain_sums as (

    select
        by_school.student_key,
        sum(by_school.days_enrolled) as days_enrolled,
        sum(by_school.days_absent) as days_absent,
        sum(by_school.days_absent_excused) as days_absent_excused,
        sum(by_school.days_absent_unexcused) as days_absent_unexcused,
        sum(by_school.days_absent_suspension) as days_absent_suspension,
        sum(by_school.days_tardy) as days_tardy

    from by_school

    left join overlapping_students
        on by_school.student_key = overlapping_students.student_key

    where overlapping_students.student_key is null

    group by by_school.student_key

),

final as (

    select * from overlapping_sums
    union all
    select * from plain_sums

)

select * from final
