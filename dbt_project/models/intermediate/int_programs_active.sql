with

programs as (

    select * from {{ ref('stg_programs__student_program_associations') }}

),

program_kinds as (

    select * from {{ ref('program_kinds') }}

),

students as (

    select * from {{ ref('int_students_identified') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

active_programs as (

    select
        students.student_key,
        program_kinds.program_kind,
        programs.program_name,
        programs.begin_date,
        coalesce(
            nullif(programs.nighttime_residence, ''),
            nullif(programs.food_service, ''),
            programs.program_name
        ) as detail

    from programs

    inner join run_dates
        on
            programs.begin_date <= run_dates.as_of_date
            and coalesce(programs.last_date, run_dates.as_of_date)
            >= run_dates.as_of_date

    inner join students
        on programs.student_source_id = students.student_source_id

    inner join program_kinds
        on lower(programs.program_type) = lower(program_kinds.program_type)

),

-- Distinct, because a student may be in two programs of a kind: the later one speaks.
final as (

    select distinct on (student_key, program_kind)
        student_key,
        program_kind,
        program_name,
        detail,
        begin_date

    from active_programs

    order by
        student_key asc,
        program_kind asc,
        begin_date desc,
        program_name collate "C" asc

)

select * from final
