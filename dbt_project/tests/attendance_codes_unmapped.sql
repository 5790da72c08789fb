-- What: attendance codes that no row of the seed attendance_codes maps.
-- Why it matters: such a day is not known, and leaves the child's rate without it.
-- What to do: add the code to the seed, with its source, and build again.
with

findings as (

    select * from {{ ref('int_attendance_findings_counted') }}

),

final as (

    select
        school_key,
        unmapped_codes

    from findings

    where unmapped_codes > 0

)

select * from final
