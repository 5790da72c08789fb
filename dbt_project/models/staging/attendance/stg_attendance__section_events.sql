with

state_excused_reasons as (

    select * from {{ ref('state_excused_reasons') }}

),

source as (

    select * from {{ source('raw', 'attendance__section_events') }}

),

final as (

    select
        source._student_source_id as student_source_id,
        source._school_source_id as school_source_id,
        source.section_identifier as section_id,
        source.class_period_name,
        source.attendance_event_category_descriptor as sent_code,
        {{ code_of('source.attendance_event_category_descriptor') }} as attendance_code,
        source.event_duration as event_duration_share,
        source._held as is_held,
        source.event_date,
        {{ is_state_excused('source.attendance_event_reason') }} as is_state_excused

    from source

    where source._deleted_at is null

)

select * from final
