-- A first load into a table that has its key, as a plain script does it.
\set ON_ERROR_STOP on
create table attendance (
    student text not null, school text not null, day date not null,
    code text not null, reason text, duration numeric,
    primary key (student, school, day)
);
\set copying '\\copy attendance from ' :'file' ' (format csv, header)'
:copying
analyze attendance;
