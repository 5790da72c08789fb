with

source as (

    select * from {{ source('raw', 'roster__demographics') }}

),

final as (

    select
        sourced_id as user_source_id,
        home_language,
        public_school_residence_status as residence_code,
        american_indian_or_alaska_native as is_american_indian_or_alaska_native,
        asian as is_asian,
        black_or_african_american as is_black_or_african_american,
        native_hawaiian_or_other_pacific_islander as is_pacific_islander,
        white as is_white,
        demographic_race_two_or_more_races as is_two_or_more_races,
        hispanic_or_latino_ethnicity as is_hispanic_or_latino,
        _held as is_held,
        birth_date

    from source

    where _deleted_at is null

)

select * from final
