-- What: performance levels and subjects of assessments that no seed maps.
-- Why it matters: these results say nothing in any child's profile.
-- What to do: add a row to performance_levels or assessment_subjects, with its source.
select
    assessments.academic_subject,
    assessments.performance_level,
    count(*) as result_count

from {{ ref('stg_assessments__student_assessments') }} as assessments

left join {{ ref('performance_levels') }} as performance_levels
    on
        lower(assessments.performance_level)
        = lower(performance_levels.performance_level)

left join {{ ref('assessment_subjects') }} as assessment_subjects
    on lower(assessments.academic_subject) = lower(assessment_subjects.academic_subject)

where
    performance_levels.performance_level is null
    or assessment_subjects.academic_subject is null

group by
    assessments.academic_subject,
    assessments.performance_level
