with

source as (

    select * from {{ source('raw', 'roster__education_associations') }}

),

final as (

    select
        _student_source_id as student_source_id,
        education_organization_id as organization_source_id,
        home_language,
        american_indian_or_alaska_native as is_american_indian_or_alaska_native,
        asian as is_asian,
        black_or_african_american as is_black_or_african_american,
        native_hawaiian_or_other_pacific_islander as is_pacific_islander,
        white as is_white,
        hispanic_latino_ethnicity as is_hispanic_or_latino,
        _held as is_held

    from source

    where _deleted_at is null

)

select * from final
