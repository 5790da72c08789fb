{#-
  What became of some referrals: counts, doses and medians. A share is of those who could
  have got there: answers of what was asked, ends of what was accepted. What is still open
  is counted, and no failure.
-#}
{% macro referral_counts() -%}
    count(*) as referral_count,
        count(distinct student_key) as student_count,
        count(*) filter (where requested_date is not null) as requested_count,
        count(*) filter (where answered_date is not null) as answered_count,
        count(*) filter (where accepted_date is not null) as accepted_count,
        count(*) filter (where referral_state = 'rejected') as rejected_count,
        count(*) filter (where began_date is not null) as begun_count,
        count(*) filter (where referral_state = 'completed') as completed_count,
        count(*) filter (
            where accepted_date is not null
            and referral_state in ('completed', 'failed', 'cancelled')
        ) as ended_count,
        count(*) filter (where attended_count > 0) as attended_referral_count,
        sum(attended_count) as attended_count,
        sum(attended_minutes) as attended_minutes,
        percentile_cont(cast(1 as double precision) / 2) within group (
            order by answered_date - requested_date
        ) as median_days_to_answer,
        percentile_cont(cast(1 as double precision) / 2) within group (
            order by began_date - requested_date
        ) as median_days_to_service
{%- endmacro %}

{% macro referral_shares() -%}
    round(
            cast(referral_counts.accepted_count as numeric)
            / nullif(referral_counts.answered_count, 0),
            3
        ) as accepted_share,
        round(
            cast(referral_counts.completed_count as numeric)
            / nullif(referral_counts.ended_count, 0),
            3
        ) as completed_share,
        round(
            cast(referral_counts.attended_referral_count as numeric)
            / nullif(referral_counts.begun_count, 0),
            3
        ) as attended_share
{%- endmacro %}
