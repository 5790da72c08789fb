{#-
  The sentence of a signal: its wording with the places filled in.
  {numerator} {denominator} {present} {magnitude} {percent} {detail}; numbers without trailing zeros.
-#}
{% macro worded(signal) -%}
    replace(replace(replace(replace(replace(replace(
        {{ signal }}.wording,
        '{numerator}', cast(trim_scale(round({{ signal }}.numerator, 1)) as text)),
        '{denominator}', cast(trim_scale(round({{ signal }}.denominator, 1)) as text)),
        '{present}', cast(
            trim_scale(round({{ signal }}.denominator - {{ signal }}.numerator, 1)) as text
        )),
        '{magnitude}', cast(trim_scale(round(abs({{ signal }}.numerator), 1)) as text)),
        '{percent}', cast(
            trim_scale(round(100 * {{ signal }}.numerator / {{ signal }}.denominator, 1)) as text
        )),
        '{detail}', coalesce({{ signal }}.detail, '')
    )
{%- endmacro %}
