with

users as (

    select * from {{ ref('stg_roster__users') }}

),

contact_associations as (

    select * from {{ ref('stg_roster__contact_associations') }}

),

students as (

    select * from {{ ref('int_students_identified') }}

),

-- Union takes a person once who stands twice in a list.
student_agents as (

    select * from contact_associations
    union distinct
    select
        users.user_source_id as student_source_id,
        listed.agent_source_id

    from users

    cross join lateral unnest(users.agent_source_ids) as listed (agent_source_id)

),

-- No contact is a fact only where the roster names contacts at all.
agent_rosters as (

    select count(*) > 0 as has_come from student_agents

),

final as (

    select
        students.student_key,
        count(agents.user_source_id) as contact_count,
        count(agents.user_source_id) filter (where agents.has_address)
            as reachable_count

    from students

    inner join agent_rosters
        on agent_rosters.has_come

    left join student_agents
        on students.student_source_id = student_agents.student_source_id

    left join users as agents
        on student_agents.agent_source_id = agents.user_source_id

    group by students.student_key

)

select * from final
