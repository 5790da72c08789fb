with

schools as (

    select * from {{ ref('dim_schools') }}

),

students as (

    select * from {{ ref('rpt_students') }}

),

class_rosters as (

    select * from {{ ref('rpt_class_rosters') }}

),

feeds as (

    select * from {{ ref('int_feeds_dated') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

student_counts as (

    select
        school_key,
        count(*) as student_count

    from students

    group by school_key

),

class_counts as (

    select
        school_key,
        count(distinct class_key) as class_count,
        count(*) filter (where is_reviewed) as reviewed_count

    from class_rosters

    group by school_key

),

-- Attendance is as fresh as the school's last submitted day, not as the file.
school_feeds as (

    select
        schools.school_key,
        feeds.feed,
        feeds.measured_by,
        feeds.stale_after_days,
        feeds.last_loaded_at,
        feeds.set_aside_date,
        schools.has_calendar,
        run_dates.as_of_date,
        case feeds.feed
            when 'attendance' then schools.last_submitted_date
            else feeds.data_through_date
        end as data_through_date

    from schools

    cross join feeds

    cross join run_dates

),

aged_feeds as (

    select
        school_key,
        feed,
        measured_by,
        has_calendar,
        set_aside_date,
        data_through_date,
        to_char(last_loaded_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
            as last_loaded_text,
        case measured_by
            when 'day'
                then
                    coalesce(as_of_date - data_through_date > stale_after_days, true)
            when 'loaded'
                then
                    as_of_date - cast(last_loaded_at at time zone 'UTC' as date)
                    > stale_after_days
            else false
        end as is_stale

    from school_feeds

),

feed_lists as (

    select
        school_key,
        jsonb_agg(
            jsonb_build_object(
                'feed', feed,
                'data_through', data_through_date,
                'last_loaded_at', last_loaded_text,
                'is_stale', is_stale,
                'note_day', set_aside_date,
                'note', case
                    when set_aside_date is not null then 'set_aside'
                    when measured_by = 'day' and data_through_date is null
                        then 'no_attendance'
                    when is_stale and measured_by = 'loaded' then 'no_delivery'
                    when is_stale then 'not_recent'
                    when feed = 'attendance' and not has_calendar then 'no_calendar'
                end
            )
            order by feed collate "C"
        ) as feed_list

    from aged_feeds

    group by school_key

),

final as (

    select
        schools.school_key,
        schools.school_source_id,
        schools.school_name,
        run_dates.review_season,
        run_dates.as_of_date,
        cast(coalesce(student_counts.student_count, 0) as integer) as student_count,
        cast(coalesce(class_counts.class_count, 0) as integer) as class_count,
        cast(coalesce(class_counts.reviewed_count, 0) as integer) as reviewed_count,
        coalesce(feed_lists.feed_list, cast('[]' as jsonb)) as feeds

    from schools

    cross join run_dates

    left join student_counts
        on schools.school_key = student_counts.school_key

    left join class_counts
        on schools.school_key = class_counts.school_key

    left join feed_lists
        on schools.school_key = feed_lists.school_key

)

select * from final
