with

needs as (

    select * from {{ ref('int_needs_prioritized') }}

),

opened_needs as (

    select * from {{ ref('int_needs_opened') }}

),

placed_students as (

    select * from {{ ref('int_students_placed') }}

),

review_domains as (

    select * from {{ ref('int_review_domains_latest') }}

),

strength_services as (

    select * from {{ ref('strength_services') }}

),

accessibility_needs as (

    select * from {{ ref('accessibility_needs') }}

),

locations as (

    select * from {{ ref('stg_providers__locations') }}

),

addresses as (

    select * from {{ ref('stg_providers__addresses') }}

),

-- What a child is good at or likes: categories that build on it come first.
interests as (

    select
        review_domains.student_key,
        array_agg(strength_services.service_category) as interest_categories

    from review_domains

    inner join strength_services
        on strength_services.strength_code = any(review_domains.strength_codes)

    group by review_domains.student_key

),

-- Whatever people named of the child, in any domain.
named_needs as (

    select
        review_domains.student_key,
        array_agg(distinct named.need_code) as named_codes

    from review_domains

    cross join unnest(review_domains.need_codes) as named (need_code)

    group by review_domains.student_key

),

-- Named in any domain, the access is needed for whatever the child is referred to.
access_needs as (

    select
        review_domains.student_key,
        array_agg(distinct accessibility_needs.need_code) as access_codes

    from review_domains

    inner join accessibility_needs
        on accessibility_needs.need_code = any(review_domains.need_codes)

    group by review_domains.student_key

),

-- The roster knows no address of a child; where the school lies, the directory may say.
school_postal_codes as (

    select
        locations.external_id as school_source_id,
        min(addresses.postal_code) as postal_code

    from locations

    inner join addresses
        on locations.location_id = addresses.location_id

    where locations.external_id_type in ('schoolid', 'school_id')

    group by locations.external_id

),

final as (

    select
        needs.need_id,
        needs.need_number,
        needs.student_key,
        needs.school_key,
        placed_students.school_source_id,
        needs.rule_id,
        opened_needs.need_codes,
        named_needs.named_codes,
        access_needs.access_codes,
        school_postal_codes.postal_code,
        placed_students.age_years,
        placed_students.grade_order,
        needs.is_asking,
        coalesce(interests.interest_categories, cast('{}' as text[]))
            as interest_categories,
        lower(placed_students.home_language) as home_language

    from needs

    inner join opened_needs
        on needs.need_id = opened_needs.need_id

    inner join placed_students
        on
            needs.student_key = placed_students.student_key
            and needs.school_key = placed_students.school_key

    left join interests
        on needs.student_key = interests.student_key

    left join named_needs
        on needs.student_key = named_needs.student_key

    left join access_needs
        on needs.student_key = access_needs.student_key

    left join school_postal_codes
        on placed_students.school_source_id = school_postal_codes.school_source_id

)

select * from final
