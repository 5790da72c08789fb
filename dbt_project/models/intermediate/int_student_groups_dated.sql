with

metric_dates as (

    select * from {{ ref('int_metric_dates_listed') }}

),

races as (

    select * from {{ ref('int_races_united') }}

),

students as (

    select * from {{ ref('int_students_identified') }}

),

programs as (

    select * from {{ ref('stg_programs__student_program_associations') }}

),

program_kinds as (

    select * from {{ ref('program_kinds') }}

),

feeds as (

    select * from {{ ref('int_feeds_dated') }}

),

-- Not being in a program is a fact only where the feed has ever come.
program_feeds as (

    select count(*) > 0 as has_come from feeds
    where feed = 'programs'

),

-- Membership on the day, not today's.
memberships as (

    select
        metric_dates.student_key,
        metric_dates.metric_date,
        bool_or(program_kinds.program_kind = 'meals') as has_meals,
        bool_or(program_kinds.program_kind = 'english_learner') as is_english_learner,
        bool_or(program_kinds.program_kind = 'special_education')
            as has_special_education

    from metric_dates

    inner join students
        on metric_dates.student_key = students.student_key

    inner join programs
        on
            students.student_source_id = programs.student_source_id
            and metric_dates.metric_date >= programs.begin_date
            and coalesce(metric_dates.metric_date <= programs.last_date, true)

    inner join program_kinds
        on lower(programs.program_type) = lower(program_kinds.program_type)

    group by
        metric_dates.student_key,
        metric_dates.metric_date

),

final as (

    select
        metric_dates.student_key,
        metric_dates.metric_date,
        listed.group_kind,
        listed.student_group

    from metric_dates

    inner join races
        on metric_dates.student_key = races.student_key

    cross join program_feeds

    left join memberships
        on
            metric_dates.student_key = memberships.student_key
            and metric_dates.metric_date = memberships.metric_date

    cross join lateral (
        values
        ('all', 'all'),
        ('race_ethnicity', races.race_ethnicity),
        ('residency', races.residence_code),
        (
            'economic_status',
            case
                when not program_feeds.has_come then 'not_known'
                when memberships.has_meals then 'disadvantaged'
                else 'not_disadvantaged'
            end
        ),
        (
            'english_learner',
            case
                when not program_feeds.has_come then 'not_known'
                when memberships.is_english_learner then 'english_learner'
                else 'not_english_learner'
            end
        ),
        (
            'special_education',
            case
                when not program_feeds.has_come then 'not_known'
                when memberships.has_special_education then 'special_education'
                else 'no_special_education'
            end
        )
    ) as listed (group_kind, student_group)

)

select * from final
