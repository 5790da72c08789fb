-- The floor of a correction: stage the file, then one INSERT ... ON CONFLICT.
\set ON_ERROR_STOP on
create temp table staged (like attendance);
\set copying '\\copy staged from ' :'file' ' (format csv, header)'
:copying
insert into attendance as a select * from staged
on conflict (student, school, day) do update
set code = excluded.code, reason = excluded.reason, duration = excluded.duration
where (a.code, a.reason, a.duration)
is distinct from (excluded.code, excluded.reason, excluded.duration);
