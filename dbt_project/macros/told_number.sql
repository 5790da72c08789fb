{#-
  A number of a signal as a reader meets it, with at most so many digits after the point.
  Rounded, but never to a limit that it is below or above: 69.97 % of "less than 70" is
  told as 69.9.
-#}
{% macro told_number(number, digits, signal) -%}
    trim_scale(case {{ signal }}.comparison
        when '<' then floor(({{ number }}) * 1{{ "0" * digits }}) / 1{{ "0" * digits }}
        when '>' then ceil(({{ number }}) * 1{{ "0" * digits }}) / 1{{ "0" * digits }}
        else round({{ number }}, {{ digits }})
    end)
{%- endmacro %}
