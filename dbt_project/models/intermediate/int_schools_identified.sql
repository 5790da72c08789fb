with

orgs as (

    select * from {{ ref('stg_roster__orgs') }}

),

enrollments as (

    select * from {{ ref('stg_roster__enrollments') }}

),

school_crosswalk as (

    select * from {{ ref('stg_ops__school_crosswalk') }}

),

school_settings as (

    select * from {{ ref('school_settings') }}

),

settings as (

    select * from {{ ref('int_settings_pivoted') }}

),

-- Distinct, because a school has many enrollments. An organization that students are
-- enrolled at is a school, whatever its type says: nobody there may disappear.
enrolling_orgs as (

    select distinct school_source_id

    from enrollments

    where enrollment_role = 'student'

),

final as (

    select
        school_crosswalk.school_key,
        orgs.org_source_id as school_source_id,
        orgs.org_name as school_name,
        orgs.org_type,
        coalesce(attendance_modes.setting_value, settings.attendance_mode)
            as attendance_mode,
        coalesce(shared_children.setting_value, 'true') = 'true'
            as speaks_of_shared_children

    from orgs

    cross join settings

    left join enrolling_orgs
        on orgs.org_source_id = enrolling_orgs.school_source_id

    left join school_crosswalk
        on orgs.org_source_id = school_crosswalk.school_source_id

    left join school_settings as attendance_modes
        on
            orgs.org_source_id = attendance_modes.school_source_id
            and attendance_modes.setting_id = 'attendance_mode'

    left join school_settings as shared_children
        on
            orgs.org_source_id = shared_children.school_source_id
            and shared_children.setting_id = 'speaks_of_shared_children'

    where
        orgs.org_type = 'school'
        or enrolling_orgs.school_source_id is not null

)

select * from final
