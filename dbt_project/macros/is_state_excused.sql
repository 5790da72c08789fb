{#- Whether a reason is one for which the state excuses; the model has the seed as a CTE. -#}
{% macro is_state_excused(reason) -%}
    coalesce(
            lower({{ reason }}) in (
                select lower(state_excused_reasons.absence_reason)
                from state_excused_reasons
            ),
            false
        )
{%- endmacro %}
