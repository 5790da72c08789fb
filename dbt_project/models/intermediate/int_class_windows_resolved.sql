with

classes as (

    select * from {{ ref('stg_roster__classes') }}

),

academic_sessions as (

    select * from {{ ref('stg_roster__academic_sessions') }}

),

class_terms as (

    select
        classes.class_source_id,
        terms.session_source_id

    from classes

    cross join lateral unnest(classes.term_source_ids) as terms (session_source_id)

),

final as (

    select
        class_terms.class_source_id,
        min(academic_sessions.start_date) as from_date,
        max(academic_sessions.end_date) as to_date

    from class_terms

    inner join academic_sessions
        on class_terms.session_source_id = academic_sessions.session_source_id

    group by class_terms.class_source_id

)

select * from final
