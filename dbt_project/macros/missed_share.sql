{#- Share of a day or of a period that an event says was missed. -#}
{% macro missed_share(event_share, codes) -%}
    case {{ codes }}.duration_means
        when 'missed'
            then least(coalesce({{ event_share }}, {{ codes }}.missed_without_duration), 1)
        else 1 - least(coalesce({{ event_share }}, 1 - {{ codes }}.missed_without_duration), 1)
    end
{%- endmacro %}
