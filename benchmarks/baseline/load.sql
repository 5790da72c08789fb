-- The floor of a first load: \copy into a typed table, then its key.
\set ON_ERROR_STOP on
create table attendance (
    student text not null, school text not null, day date not null,
    code text not null, reason text, duration numeric
);
\set copying '\\copy attendance from ' :'file' ' (format csv, header)'
:copying
alter table attendance add primary key (student, school, day);
analyze attendance;
