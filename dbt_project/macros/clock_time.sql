{#-
  A time of day as HH:MM, as the school's clock shows it: an offset is the place's own, so what
  stands before it is local. HSDS lets a sender write UTC instead (Z); which local time that is
  changes with the season, so it is told as UTC. What is no time stays as sent.
-#}
{% macro clock_time(column) -%}
    case
        when {{ column }} ~* '^\s*\d.*(z|[+-]00:?00)\s*$'
            then regexp_replace({{ column }}, '\s*(z|[+-]00:?00)\s*$', ' UTC', 'i')
        when
            {{ column }} ~ '^\s*\d'
            and pg_input_is_valid(
                regexp_replace({{ column }}, '[+-]\d\d:?\d\d\s*$', ''), 'time'
            )
            then to_char(
                cast(
                    cast(
                        regexp_replace({{ column }}, '[+-]\d\d:?\d\d\s*$', '') as time
                    ) as interval
                ),
                'HH24:MI'
            )
        else {{ column }}
    end
{%- endmacro %}
