{#- Whether so much of a day is a day present, by the settings; compared in whole numbers. -#}
{% macro is_present(attended_share, settings) -%}
    (
        ({{ attended_share }}) * {{ settings }}.present_minimum_denominator
        > {{ settings }}.present_minimum_numerator
        or (
            {{ settings }}.present_minimum_is_inclusive
            and ({{ attended_share }}) * {{ settings }}.present_minimum_denominator
            = {{ settings }}.present_minimum_numerator
        )
    )
{%- endmacro %}
