-- What: a school has two levels of support, or is twice in a network, at one time.
-- Why it matters: every count by level or network would take the school twice.
-- What to do: end the earlier row of the seed on the day on which the later one begins.
with

memberships as (

    select
        'support level' as membership,
        school_source_id,
        from_date,
        to_date
    from {{ ref('school_support_levels') }}
    union all
    select
        network_id as membership,
        school_source_id,
        from_date,
        to_date
    from {{ ref('network_schools') }}

),

final as (

    select
        memberships.membership,
        memberships.school_source_id,
        memberships.from_date

    from memberships

    inner join memberships as later_memberships
        on
            memberships.membership = later_memberships.membership
            and memberships.school_source_id = later_memberships.school_source_id
            and memberships.from_date < later_memberships.from_date
            and coalesce(memberships.to_date > later_memberships.from_date, true)

)

select * from final
