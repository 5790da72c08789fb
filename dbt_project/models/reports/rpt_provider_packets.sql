with

referrals as (

    select * from {{ ref('fct_referrals') }}

),

bases as (

    select * from {{ ref('int_provider_bases_resolved') }}

),

placed_students as (

    select * from {{ ref('int_students_placed') }}

),

students as (

    select * from {{ ref('rpt_students') }}

),

schools as (

    select * from {{ ref('dim_schools') }}

),

packet_fields as (

    select * from {{ ref('packet_fields') }}

),

people as (

    select * from {{ ref('int_students_identified') }}

),

settings as (

    select * from {{ ref('int_settings_pivoted') }}

),

-- What a provider may be told at the most; the scope of the basis says how much of it.
facts as (

    select
        placed_students.student_key,
        placed_students.student_source_id,
        placed_students.school_key,
        placed_students.school_source_id,
        referrals.referral_id,
        referrals.organization_id,
        referrals.organization_name,
        bases.legal_basis,
        bases.consent_id,
        bases.records_scope,
        bases.agreement_until_date,
        placed_students.as_of_date,
        cast(
            people.birth_date + make_interval(years => settings.consent_own_from_age)
            as date
        ) as own_consent_from_date,
        jsonb_build_object(
            'student_name', students.student_name,
            'grade_level', students.grade_level,
            'home_language', students.home_language,
            'school_name', schools.school_name,
            'service_name', referrals.service_name,
            'referral_state', referrals.referral_state,
            'state_date', referrals.state_date,
            'days_enrolled', students.days_enrolled,
            'days_absent', students.days_absent,
            'strengths_summary', students.strengths_summary,
            'decided_tier', students.decided_tier
        ) as packet

    from referrals

    inner join bases
        on
            referrals.student_key = bases.student_key
            and referrals.organization_id = bases.organization_id

    inner join placed_students
        on referrals.student_key = placed_students.student_key

    inner join students
        on
            placed_students.student_key = students.student_key
            and placed_students.school_key = students.school_key

    inner join schools
        on placed_students.school_key = schools.school_key

    inner join people
        on placed_students.student_key = people.student_key

    cross join settings

    where
        referrals.is_open
        and referrals.referral_state <> 'draft'
        and bases.legal_basis <> 'none'

),

final as (

    select
        facts.student_key,
        facts.student_source_id,
        facts.school_key,
        facts.school_source_id,
        facts.referral_id,
        facts.organization_id,
        facts.organization_name,
        facts.legal_basis,
        facts.consent_id,
        facts.agreement_until_date,
        facts.own_consent_from_date,
        facts.as_of_date,
        facts.records_scope,
        jsonb_object_agg(packet_fields.field, facts.packet -> packet_fields.field)
            as packet

    from facts

    inner join packet_fields
        on
            packet_fields.records_scope
            = any(string_to_array(facts.records_scope, ' '))

    group by
        facts.student_key,
        facts.student_source_id,
        facts.school_key,
        facts.school_source_id,
        facts.referral_id,
        facts.organization_id,
        facts.organization_name,
        facts.legal_basis,
        facts.consent_id,
        facts.agreement_until_date,
        facts.own_consent_from_date,
        facts.as_of_date,
        facts.records_scope

)

select * from final
