with

source as (

    select * from {{ source('raw', 'decisions__decisions') }}

),

final as (

    select
        need_id,
        release_id,
        _student_source_id as student_source_id,
        _school_source_id as school_source_id,
        rule_id,
        domain,
        service_ids,
        decision,
        service as chosen_service,
        reason as reason_code,
        decided_on as decided_date,
        _effective_at as told_at,
        upper(decided_by) as decided_by

    from source

    where
        _deleted_at is null
        and {{ is_told_of_child('_student_source_id', day='decided_on') }}

)

select * from final
