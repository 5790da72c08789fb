with

source as (

    select * from {{ source('raw', 'attendance__section_events') }}

),

final as (

    select
        _student_source_id as student_source_id,
        _school_source_id as school_source_id,
        section_identifier as section_id,
        class_period_name,
        {{ code_of('attendance_event_category_descriptor') }} as attendance_code,
        event_duration as event_duration_share,
        _held as is_held,
        event_date

    from source

    where _deleted_at is null

)

select * from final
