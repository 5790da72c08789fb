with

state_excused_reasons as (

    select * from {{ ref('state_excused_reasons') }}

),

source as (

    select * from {{ source('raw', 'attendance__events') }}

),

final as (

    select
        _student_source_id as student_source_id,
        _school_source_id as school_source_id,
        event_duration as event_duration_share,
        _held as is_held,
        event_date,
        {{ code_of('attendance_event_category_descriptor') }} as attendance_code,
        coalesce(
            lower(attendance_event_reason) in (
                select lower(state_excused_reasons.absence_reason)
                from state_excused_reasons
            ),
            false
        ) as is_state_excused

    from source

    where _deleted_at is null

)

select * from final
