with

demographics as (

    select * from {{ ref('stg_roster__demographics') }}

),

education_associations as (

    select * from {{ ref('stg_roster__education_associations') }}

),

-- A district and its schools may each describe a student: what any of them says is so.
described_students as (

    select
        student_source_id,
        min(home_language) as home_language,
        bool_or(is_american_indian_or_alaska_native)
            as is_american_indian_or_alaska_native,
        bool_or(is_asian) as is_asian,
        bool_or(is_black_or_african_american) as is_black_or_african_american,
        bool_or(is_pacific_islander) as is_pacific_islander,
        bool_or(is_white) as is_white,
        bool_or(is_hispanic_or_latino) as is_hispanic_or_latino

    from education_associations

    group by student_source_id

),

final as (

    select
        demographics.residence_code,
        demographics.is_two_or_more_races,
        demographics.birth_date,
        coalesce(demographics.user_source_id, described_students.student_source_id)
            as user_source_id,
        coalesce(demographics.home_language, described_students.home_language)
            as home_language,
        coalesce(
            demographics.is_american_indian_or_alaska_native,
            described_students.is_american_indian_or_alaska_native
        ) as is_american_indian_or_alaska_native,
        coalesce(demographics.is_asian, described_students.is_asian) as is_asian,
        coalesce(
            demographics.is_black_or_african_american,
            described_students.is_black_or_african_american
        ) as is_black_or_african_american,
        coalesce(
            demographics.is_pacific_islander, described_students.is_pacific_islander
        ) as is_pacific_islander,
        coalesce(demographics.is_white, described_students.is_white) as is_white,
        coalesce(
            demographics.is_hispanic_or_latino, described_students.is_hispanic_or_latino
        ) as is_hispanic_or_latino

    from demographics

    full join described_students
        on demographics.user_source_id = described_students.student_source_id

)

select * from final
