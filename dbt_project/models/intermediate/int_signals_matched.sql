with

measured_indicators as (

    select * from {{ ref('int_indicators_listed') }}

),

placed_students as (

    select * from {{ ref('int_students_placed') }}

),

rules as (

    select * from {{ ref('int_rules_resolved') }}

),

-- Shares are compared as fractions, everything else as it is. Never rounded, never
-- divided: numerator times denominator on both sides.
compared as (

    select
        measured_indicators.student_key,
        measured_indicators.school_key,
        rules.rule_id,
        rules.level_rank,
        measured_indicators.detail,
        measured_indicators.numerator,
        measured_indicators.denominator,
        measured_indicators.data_through_date,
        rules.comparison,
        measured_indicators.numerator * rules.threshold_denominator as left_side,
        rules.threshold_numerator
        * case when rules.unit = 'share' then measured_indicators.denominator else 1 end
            as right_side

    from measured_indicators

    inner join placed_students
        on
            measured_indicators.student_key = placed_students.student_key
            and measured_indicators.school_key = placed_students.school_key

    inner join rules
        on
            measured_indicators.indicator_id = rules.indicator_id
            and (
                rules.first_grade_order is null
                or placed_students.grade_order >= rules.first_grade_order
            )
            and (
                rules.last_grade_order is null
                or placed_students.grade_order <= rules.last_grade_order
            )

),

matched as (

    select *

    from compared

    where
        (comparison = '>=' and left_side >= right_side)
        or (comparison = '>' and left_side > right_side)
        or (comparison = '<=' and left_side <= right_side)
        or (comparison = '<' and left_side < right_side)

),

-- Distinct, because each level of a rule holds below the next one: the highest speaks.
final as (

    select distinct on (student_key, school_key, rule_id)
        student_key,
        school_key,
        rule_id,
        level_rank,
        detail,
        numerator,
        denominator,
        data_through_date

    from matched

    order by student_key asc, school_key asc, rule_id asc, level_rank desc

)

select * from final
