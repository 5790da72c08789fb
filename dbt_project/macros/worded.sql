{#-
  The sentence of a signal: its wording with the places filled in. A number is written out
  only where its place stands: writing numbers is what costs.
-#}
{% macro worded(signal) -%}
    {%- set places = {
        "numerator": signal ~ ".numerator",
        "denominator": signal ~ ".denominator",
        "present": signal ~ ".denominator - " ~ signal ~ ".numerator",
        "magnitude": "abs(" ~ signal ~ ".numerator)",
        "percent": "100 * " ~ signal ~ ".numerator / " ~ signal ~ ".denominator",
    } -%}
    replace(
        {{ "replace(" * places | length }}{{ signal }}.wording
        {%- for place, number in places.items() -%}
        , '{{ "{" ~ place ~ "}" }}', case
            when {{ signal }}.wording like '%{{ "{" ~ place ~ "}" }}%'
                then cast(trim_scale(round({{ number }}, 1)) as text)
            else ''
        end)
        {%- endfor -%}
        , '{detail}', coalesce({{ signal }}.detail, '')
    )
{%- endmacro %}
