{#- A signal as it stands in a list of evidence: what a reader needs to check it by. -#}
{% macro evidence_item(signal) -%}
    jsonb_build_object(
            'rule_id', {{ signal }}.rule_id,
            'rule_version', {{ signal }}.rule_version,
            'kind', {{ signal }}.signal_kind,
            'level', {{ signal }}.concern_level,
            'wording', {{ signal }}.wording,
            'value', {{ signal }}.measured_value,
            'threshold', {{ signal }}.threshold_value,
            'comparison', {{ signal }}.comparison,
            'source_feed', {{ signal }}.source_feed,
            'data_through', {{ signal }}.data_through_date
        )
{%- endmacro %}
