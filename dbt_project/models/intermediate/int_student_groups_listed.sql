with

students as (

    select * from {{ ref('int_students_identified') }}

),

demographics as (

    select * from {{ ref('stg_roster__demographics') }}

),

programs as (

    select * from {{ ref('int_programs_active') }}

),

feeds as (

    select * from {{ ref('int_feeds_dated') }}

),

-- Not being in a program is a fact only where the feed has ever come.
program_feeds as (

    select count(*) > 0 as has_come from feeds
    where feed = 'programs'

),

memberships as (

    select
        student_key,
        bool_or(program_kind = 'meals') as has_meals,
        bool_or(program_kind = 'english_learner') as is_english_learner,
        bool_or(program_kind = 'special_education') as has_special_education

    from programs

    group by student_key

),

-- One or more races, Hispanic of any race first: the federal way of counting.
described_students as (

    select
        students.student_key,
        program_feeds.has_come,
        coalesce(memberships.has_meals, false) as has_meals,
        coalesce(memberships.is_english_learner, false) as is_english_learner,
        coalesce(memberships.has_special_education, false) as has_special_education,
        coalesce(nullif(demographics.residence_code, ''), 'not_known')
            as residence_code,
        case
            when demographics.is_hispanic_or_latino then 'hispanic_or_latino'
            when
                demographics.is_two_or_more_races
                or num_nonnulls(
                    nullif(demographics.is_american_indian_or_alaska_native, false),
                    nullif(demographics.is_asian, false),
                    nullif(demographics.is_black_or_african_american, false),
                    nullif(demographics.is_pacific_islander, false),
                    nullif(demographics.is_white, false)
                ) > 1 then 'two_or_more_races'
            when demographics.is_american_indian_or_alaska_native
                then 'american_indian_or_alaska_native'
            when demographics.is_asian then 'asian'
            when demographics.is_black_or_african_american
                then 'black_or_african_american'
            when demographics.is_pacific_islander
                then 'native_hawaiian_or_other_pacific_islander'
            when demographics.is_white then 'white'
            else 'not_known'
        end as race_ethnicity

    from students

    cross join program_feeds

    left join demographics
        on students.student_source_id = demographics.user_source_id

    left join memberships
        on students.student_key = memberships.student_key

),

final as (

    select
        described_students.student_key,
        listed.group_kind,
        listed.student_group

    from described_students

    cross join lateral (
        values
        ('all', 'all'),
        ('race_ethnicity', described_students.race_ethnicity),
        ('residency', described_students.residence_code),
        (
            'economic_status',
            case
                when not described_students.has_come then 'not_known'
                when described_students.has_meals then 'disadvantaged'
                else 'not_disadvantaged'
            end
        ),
        (
            'english_learner',
            case
                when not described_students.has_come then 'not_known'
                when described_students.is_english_learner then 'english_learner'
                else 'not_english_learner'
            end
        ),
        (
            'special_education',
            case
                when not described_students.has_come then 'not_known'
                when described_students.has_special_education then 'special_education'
                else 'no_special_education'
            end
        )
    ) as listed (group_kind, student_group)

)

select * from final
