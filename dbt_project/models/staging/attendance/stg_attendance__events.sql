with

state_excused_reasons as (

    select * from {{ ref('state_excused_reasons') }}

),

source as (

    select * from {{ source('raw', 'attendance__events') }}

),

final as (

    select
        source._student_source_id as student_source_id,
        source._school_source_id as school_source_id,
        source.event_duration as event_duration_share,
        source._held as is_held,
        source.event_date,
        source.attendance_event_category_descriptor as sent_code,
        {{ is_state_excused('source.attendance_event_reason') }} as is_state_excused

    from source

    where source._deleted_at is null

)

select * from final
