with

whole_counts as (

    select * from {{ ref('int_attendance_counts_united') }}

),

students as (

    select * from {{ ref('int_students_identified') }}

),

schools as (

    select * from {{ ref('int_schools_identified') }}

),

attendance_bands as (

    select * from {{ ref('attendance_bands') }}

),

settings as (

    select * from {{ ref('int_settings_pivoted') }}

),

run_dates as (

    select * from {{ ref('int_run_dates_resolved') }}

),

band_orders as (

    select
        whole_counts.student_key,
        whole_counts.school_key,
        max(attendance_bands.band_order) as band_order

    from whole_counts

    inner join attendance_bands
        on
            whole_counts.days_absent * attendance_bands.from_denominator
            >= attendance_bands.from_numerator * whole_counts.days_enrolled

    group by
        whole_counts.student_key,
        whole_counts.school_key

),

final as (

    select
        whole_counts.student_key,
        students.student_source_id,
        whole_counts.school_key,
        schools.school_source_id,
        whole_counts.attendance_scope as scope,
        run_dates.school_year,
        whole_counts.days_enrolled,
        whole_counts.days_absent,
        whole_counts.days_absent_excused,
        whole_counts.days_absent_unexcused,
        whole_counts.days_absent_suspension,
        whole_counts.days_tardy,
        run_dates.as_of_date,
        cast(whole_counts.days_absent as numeric)
        / nullif(whole_counts.days_enrolled, 0) as absence_rate,
        case
            when whole_counts.days_enrolled = 0 then 'not_known'
            when whole_counts.days_enrolled < settings.minimum_enrolled_days
                then 'insufficient_days'
            else attendance_bands.attendance_band
        end as attendance_band,
        whole_counts.days_enrolled >= settings.minimum_enrolled_days
            as has_sufficient_days,
        -- Exact, never rounded: absent / enrolled against the share of the setting.
        case
            when
                whole_counts.days_enrolled >= settings.minimum_enrolled_days
                and students.is_counted_in_rates
                then
                    whole_counts.days_absent * settings.chronic_share_denominator
                    > settings.chronic_share_numerator * whole_counts.days_enrolled
                    or (
                        settings.chronic_share_is_inclusive
                        and whole_counts.days_absent
                        * settings.chronic_share_denominator
                        = settings.chronic_share_numerator * whole_counts.days_enrolled
                    )
        end as is_chronically_absent

    from whole_counts

    inner join students
        on whole_counts.student_key = students.student_key

    cross join settings

    cross join run_dates

    left join schools
        on whole_counts.school_key = schools.school_key

    left join band_orders
        on
            whole_counts.student_key = band_orders.student_key
            and whole_counts.school_key is not distinct from band_orders.school_key

    left join attendance_bands
        on band_orders.band_order = attendance_bands.band_order

)

select * from final
