{#- A signal as it stands in a list of evidence: what a reader needs to check it by.
    Joined as a row of its own, which becomes JSON where it is needed. -#}
{% macro evidence_item(signal) -%}
    lateral (
        select
            {{ signal }}.rule_id,
            {{ signal }}.rule_version,
            {{ signal }}.signal_kind as kind,
            {{ signal }}.concern_level as level,
            {{ signal }}.wording,
            {{ signal }}.measured_value as value,
            {{ signal }}.threshold_value as threshold,
            {{ signal }}.comparison,
            {{ signal }}.source_feed,
            {{ signal }}.data_through_date as data_through
    )
{%- endmacro %}
