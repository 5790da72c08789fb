with

spells as (

    select * from {{ ref('int_enrollment_spells_united') }}

),

attendance_days as (

    select * from {{ ref('fct_attendance_days') }}

),

schools as (

    select * from {{ ref('int_schools_identified') }}

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

-- Where a school takes no attendance of children who are on another roll too, its
-- silence is no word against the absence that the other school tells.
told_days as (

    select
        attendance_days.student_key,
        attendance_days.attendance_date,
        attendance_days.absence_kind,
        attendance_days.is_absent,
        attendance_days.is_tardy,
        attendance_days.is_known,
        attendance_days.is_known
        and (
            schools.speaks_of_shared_children
            or attendance_days.is_absent
            or attendance_days.is_tardy
        ) as is_told

    from attendance_days

    inner join schools
        on attendance_days.school_key = schools.school_key

),

-- A date counts once. Of the kinds of absence the last in the alphabet is kept:
-- unexcused, suspension, excused.
final as (

    select
        told_days.student_key,
        told_days.attendance_date,
        bool_or(told_days.is_tardy) as is_tardy,
        bool_or(told_days.is_known) as is_known,
        max(told_days.absence_kind) as absence_kind,
        case settings.district_overlap_absent_when
            when 'anywhere' then bool_or(told_days.is_absent)
            else
                coalesce(
                    bool_and(told_days.is_absent)
                    filter (where told_days.is_told),
                    false
                )
        end as is_absent

    from told_days

    inner join overlapping_students
        on told_days.student_key = overlapping_students.student_key

    cross join settings

    group by
        told_days.student_key,
        told_days.attendance_date,
        settings.district_overlap_absent_when

)

select * from final
