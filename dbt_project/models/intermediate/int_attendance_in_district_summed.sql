with

spells as (

    select * from {{ ref('int_enrollment_spells_united') }}

),

attendance_days as (

    select * from {{ ref('fct_attendance_days') }}

),

by_school as (

    select * from {{ ref('int_attendance_by_school_summed') }}

),

settings as (

    select * from {{ ref('int_settings_pivoted') }}

),

-- Distinct, because two schools may overlap in several spells.
overlapping_students as (

    select distinct spells.student_key

    from spells

    inner join spells as other_spells
        on
            spells.student_key = other_spells.student_key
            and spells.school_key < other_spells.school_key
            and spells.from_date < other_spells.to_date
            and spells.to_date > other_spells.from_date

),

-- A date counts once. Of the kinds of absence the last in the alphabet is kept:
-- unexcused, suspension, excused.
overlapping_days as (

    select
        attendance_days.student_key,
        attendance_days.attendance_date,
        bool_or(attendance_days.is_tardy) as is_tardy,
        bool_or(attendance_days.is_known) as is_known,
        max(attendance_days.absence_kind) as absence_kind,
        case settings.district_overlap_absent_when
            when 'anywhere' then bool_or(attendance_days.is_absent)
            else
                coalesce(
                    bool_and(attendance_days.is_absent)
                    filter (where attendance_days.is_known),
                    false
                )
        end as is_absent

    from attendance_days

    inner join overlapping_students
        on attendance_days.student_key = overlapping_students.student_key

    cross join settings

    group by
        attendance_days.student_key,
        attendance_days.attendance_date,
        settings.district_overlap_absent_when

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
