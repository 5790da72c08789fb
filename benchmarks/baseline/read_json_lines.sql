-- Outside the timing: JSON lines as the baseline's table, so that rows can be compared.
\set ON_ERROR_STOP on
create table lines (line jsonb);
\set copying '\\copy lines from ' :'file' ' (format csv, quote e''\\x01'', delimiter e''\\x02'')'
:copying
create view attendance as
select
    line ->> 'studentUniqueId' as student, line ->> 'schoolId' as school,
    (line ->> 'eventDate')::date as day, line ->> 'attendanceEventCategoryDescriptor' as code,
    (nullif(line ->> 'eventDuration', ''))::numeric as duration
from lines;
