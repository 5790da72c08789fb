{#-
  The sentence of a signal: its wording with the places filled in. A number is written out
  only where its place stands: writing numbers is what costs.
-#}
{% macro worded(signal) -%}
    {%- set places = {
        "numerator": told_number(signal ~ ".numerator", 2, signal),
        "denominator": told_number(signal ~ ".denominator", 2, signal),
        "present": told_number(signal ~ ".denominator - " ~ signal ~ ".numerator", 2, signal),
        "magnitude": "abs(" ~ told_number(signal ~ ".numerator", 1, signal) ~ ")",
        "percent": told_number(
            "100 * " ~ signal ~ ".numerator / " ~ signal ~ ".denominator", 1, signal
        ),
    } -%}
    replace(
        {{ "replace(" * places | length }}{{ signal }}.wording
        {%- for place, number in places.items() -%}
        , '{{ "{" ~ place ~ "}" }}', case
            when {{ signal }}.wording like '%{{ "{" ~ place ~ "}" }}%'
                then cast({{ number }} as text)
            else ''
        end)
        {%- endfor -%}
        , '{detail}', coalesce({{ signal }}.detail, '')
    )
{%- endmacro %}
