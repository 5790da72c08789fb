-- Three faults for checks to find: a row twice, a row without a student, a code that is none.
\set ON_ERROR_STOP on
alter table attendance drop constraint attendance_pkey;
alter table attendance alter student drop not null;
insert into attendance (select * from attendance limit 1);
insert into attendance (select null, school, day, code, reason, duration from attendance limit 1);
insert into attendance (select student, school, date '1999-01-01', 'ZZ', reason, duration from attendance where student is not null limit 1);
analyze attendance;
