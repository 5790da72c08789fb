with

students as (

    select * from {{ ref('int_students_identified') }}

),

demographics as (

    select * from {{ ref('int_demographics_united') }}

),

-- One or more races, Hispanic of any race first: the federal way of counting. The
-- roster dates neither these nor residency: they are as they stand.
final as (

    select
        students.student_key,
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

    left join demographics
        on students.student_source_id = demographics.user_source_id

)

select * from final
