with

queue as (

    select * from {{ ref('rpt_referral_queue') }}

),

placed_students as (

    select * from {{ ref('int_students_placed') }}

),

students as (

    select * from {{ ref('dim_students') }}

),

news as (

    select * from {{ ref('int_news_gathered') }}

),

queue_items as (

    select
        student_key,
        school_key,
        'new' as item_kind,
        need_id as subject_id,
        wording as item_text,
        'need' as item_code,
        need_id as item_subject,
        opened_date as item_date,
        referral_rank as item_weight

    from queue

    where is_new

    union all

    select
        student_key,
        school_key,
        'overdue' as item_kind,
        need_id as subject_id,
        'Overdue since ' || to_char(due_date, 'FMMonth FMDD') || ': ' || next_step
            as item_text,
        'overdue' as item_code,
        need_id as item_subject,
        due_date as item_date,
        referral_rank as item_weight

    from queue

    where is_overdue

),

items as (

    select * from queue_items
    union all
    select * from news

),

item_kinds as (

    select * from {{ ref('today_kinds') }}

),

named_items as (

    select
        placed_students.student_key,
        placed_students.student_source_id,
        placed_students.school_key,
        placed_students.school_source_id,
        items.item_kind,
        items.subject_id,
        students.student_name,
        items.item_text,
        items.item_code,
        items.item_subject,
        items.item_weight,
        item_kinds.kind_order,
        items.item_date,
        placed_students.as_of_date

    from items

    inner join item_kinds
        on items.item_kind = item_kinds.item_kind

    inner join placed_students
        on
            items.student_key = placed_students.student_key
            and items.school_key = placed_students.school_key

    inner join students
        on items.student_key = students.student_key

),

final as (

    select
        student_key,
        student_source_id,
        school_key,
        school_source_id,
        item_kind,
        student_name,
        item_text,
        item_code,
        item_subject,
        item_date,
        as_of_date,
        cast(
            row_number() over (
                partition by school_key
                order by
                    kind_order asc,
                    item_weight asc,
                    student_source_id collate "C" asc,
                    subject_id collate "C" asc
            ) as integer
        ) as sort_order,
        md5(
            concat_ws('|', student_source_id, school_source_id, item_kind, subject_id)
        ) as item_id

    from named_items

)

select * from final
