with

academic_sessions as (

    select * from {{ ref('stg_roster__academic_sessions') }}

),

settings as (

    select * from {{ ref('int_settings_pivoted') }}

),

-- From the environment: a changed variable would have all models parsed anew.
run_dates as (

    select
        cast('{{ env_var("WRAPAROUND_AS_OF_DATE") }}' as date) as as_of_date,
        cast(
            nullif('{{ env_var("WRAPAROUND_PREVIOUS_AS_OF_DATE", "") }}', '') as date
        ) as previous_as_of_date,
        '{{ env_var("WRAPAROUND_SCHOOL_YEAR_STARTS") }}' as school_year_starts

),

-- A calendar cut, for a roster that sends no school year.
cut_years as (

    select
        run_dates.as_of_date,
        run_dates.previous_as_of_date,
        run_dates.school_year_starts,
        settings.spring_review_starts,
        cast(extract(year from run_dates.as_of_date) as integer)
        + cast(
            to_char(run_dates.as_of_date, 'MM-DD') >= run_dates.school_year_starts
            as integer
        ) as cut_year

    from run_dates

    cross join settings

),

-- Sessions may overlap at the change of years: the later school year is meant.
current_years as (

    select max(academic_sessions.school_year) as school_year

    from academic_sessions

    inner join run_dates
        on
            academic_sessions.start_date <= run_dates.as_of_date
            and academic_sessions.end_date > run_dates.as_of_date

    where academic_sessions.session_type = 'schoolYear'

),

session_years as (

    select
        academic_sessions.school_year,
        min(academic_sessions.start_date) as start_date,
        max(academic_sessions.end_date) as end_date

    from academic_sessions

    inner join current_years
        on academic_sessions.school_year = current_years.school_year

    where academic_sessions.session_type = 'schoolYear'

    group by academic_sessions.school_year

),

dated_years as (

    select
        cut_years.as_of_date,
        cut_years.previous_as_of_date,
        cut_years.school_year_starts,
        coalesce(session_years.school_year, cut_years.cut_year) as school_year,
        coalesce(
            session_years.start_date,
            cast(cut_years.cut_year - 1 || '-' || cut_years.school_year_starts as date)
        ) as year_start_date,
        coalesce(
            session_years.end_date,
            cast(cut_years.cut_year || '-' || cut_years.school_year_starts as date)
        ) as year_end_date,
        case
            when
                to_char(cut_years.as_of_date, 'MM-DD') >= cut_years.spring_review_starts
                and to_char(cut_years.as_of_date, 'MM-DD')
                < cut_years.school_year_starts
                then 'spring'
            else 'fall'
        end as review_season

    from cut_years

    left join session_years on true

),

years_before as (

    select max(academic_sessions.end_date) as end_date

    from academic_sessions

    inner join dated_years
        on academic_sessions.school_year < dated_years.school_year

    where academic_sessions.session_type = 'schoolYear'

),

-- What nurses, teachers and providers tell of the summer is of the year that comes: it
-- was so all summer, and stays so on the first day of school.
final as (

    select
        dated_years.as_of_date,
        dated_years.previous_as_of_date,
        dated_years.school_year_starts,
        dated_years.school_year,
        dated_years.year_start_date,
        dated_years.year_end_date,
        dated_years.review_season,
        least(
            dated_years.year_start_date,
            greatest(
                cast(
                    dated_years.school_year - 1
                    || '-'
                    || dated_years.school_year_starts as date
                ),
                years_before.end_date
            )
        ) as records_start_date

    from dated_years

    cross join years_before

)

select * from final
