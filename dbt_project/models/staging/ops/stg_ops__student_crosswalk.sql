with

crosswalk as (

    select * from {{ source('ops', 'student_crosswalk') }}

),

-- An id that went to what looks like another child, or is, by a person's word.
changes as (

    select * from {{ source('ops', 'student_change') }}
    where state in ('open', 'another')

),

final as (

    select
        crosswalk.student_source_id,
        changes.told_since_date,
        changes.student_key as later_key,
        coalesce(changes.student_key, crosswalk.student_key) as student_key,
        coalesce(changes.state = 'open', false) as is_in_question

    from crosswalk

    left join changes
        on crosswalk.student_source_id = changes.student_source_id

)

select * from final
