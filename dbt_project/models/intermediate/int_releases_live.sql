with

release_schools as (

    select * from {{ ref('stg_ops__release_schools') }}

),

-- The newest release that went live for a school: what its coordinator reads today.
final as (

    select distinct on (school_key)
        school_key,
        release_id,
        student_count

    from release_schools

    where is_live

    order by school_key asc, release_id desc

)

select * from final
