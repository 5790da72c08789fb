with

signals as (

    select * from {{ ref('fct_signals') }}

),

settings as (

    select * from {{ ref('int_settings_pivoted') }}

),

strengths as (

    select
        student_key,
        school_key,
        wording,
        row_number() over (
            partition by student_key, school_key
            order by weight desc, rule_id collate "C" asc
        ) as strength_place

    from signals

    where signal_kind = 'strength'

),

final as (

    select
        strengths.student_key,
        strengths.school_key,
        string_agg(strengths.wording, ' ' order by strengths.strength_place)
            as strengths_summary

    from strengths

    inner join settings
        on strengths.strength_place <= settings.strengths_shown

    group by
        strengths.student_key,
        strengths.school_key

)

select * from final
