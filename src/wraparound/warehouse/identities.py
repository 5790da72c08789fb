"""Whose a student id is: school systems give ids again, and another child must not inherit.

A child stands in `restricted.student_identity` as the roster first told of it. Where a later
roster tells an id with other names and another birth date, the id gets a new key of ours, and a
row of `ops.student_change` waits for a person's word. Its states: `open`; `same` and `another`,
as the person said; `withdrawn`, where a later roster took it back; `past`, where the child whose
id it became gave way in turn. Of an id at most one change is in force: open, or another.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from psycopg import sql
from psycopg.types.json import Jsonb

from wraparound.errors import SettingsWrong
from wraparound.warehouse.connection import Connection, Row
from wraparound.warehouse.seed_files import seed_rows

SEED = "identity_criteria.csv"
# By which key each id goes, and how the roster in force tells of it.
TOLD = sql.SQL("""
    select x.student_source_id, coalesce(c.student_key, x.student_key) as student_key,
        c.change_id, c.state, c.earlier_key,
        concat_ws(' ', u.given_name, u.middle_name) as given_names,
        u.family_name as family_names, d.birth_date,
        greatest(u._effective_at, d._effective_at) as told_since,
        u._batch_id as user_batch, d._batch_id as birth_batch
    from ops.student_crosswalk as x
    left join ops.student_change as c
        on c.student_source_id = x.student_source_id and c.state in ('open', 'another')
    inner join raw.roster__users as u
        on u.sourced_id = x.student_source_id and u._deleted_at is null
    left join raw.roster__demographics as d
        on d.sourced_id = x.student_source_id and d._deleted_at is null
""")
# Of one batch, whoever is told otherwise than at first.
TOLD_OTHERWISE = sql.SQL("""
    with told as ({})
    select t.* from told as t
    inner join restricted.student_identity as i on i.student_key = t.student_key
    where %s in (t.user_batch, t.birth_batch)
        and (i.given_names, i.family_names, i.birth_date)
            is distinct from (t.given_names, t.family_names, t.birth_date)
    order by t.student_source_id
""").format(TOLD)
# A birth date that comes to the same name is kept as well.
REMEMBER = sql.SQL("""
    insert into restricted.student_identity
        (student_key, student_source_id, given_names, family_names, birth_date)
    select t.student_key, t.student_source_id, t.given_names, t.family_names, t.birth_date
    from ({}) as t
    left join restricted.student_identity as i on i.student_key = t.student_key
    where i.student_key is null
        or (i.birth_date is null and t.birth_date is not null
            and (i.given_names, i.family_names)
                is not distinct from (t.given_names, t.family_names))
    on conflict (student_key) do update set birth_date = excluded.birth_date
""").format(TOLD)

Criteria = Mapping[tuple[str, str, str], bool]


def key_from(text: sql.SQL) -> sql.Composed:
    """Our key of a student, from the id, or from the id and a number where it was given again.

    52 bits of a hash: the same key whatever arrived first, and exact in a spreadsheet.
    """
    return sql.SQL("('x' || left(md5({}), 13))::bit(52)::bigint").format(text)


@dataclass(frozen=True)
class _Judge:
    connection: Connection
    zone: ZoneInfo
    criteria: Criteria


def note_changes(connection: Connection, batch_id: int, *, time_zone: str, seeds: Path) -> None:
    """Hold the students of a batch against who they were, and write down who looks like another.

    Raises:
        SettingsWrong: the seed of criteria is missing or lacks a row.
    """
    different = connection.execute(TOLD_OTHERWISE, [batch_id]).fetchall()
    if not different:
        return
    judge = _Judge(connection, ZoneInfo(time_zone), _criteria(seeds))
    for told in different:
        _note(judge, told)


def remember_new(connection: Connection) -> None:
    """Keep as whom the roster tells of each child that it did not tell of before."""
    connection.execute(REMEMBER)


def questions(connection: Connection) -> list[Row]:
    """Ids that wait for a person's word, and since which day; no names."""
    return connection.execute(
        "select student_source_id, told_since_date from ops.student_change"
        " where state = 'open' order by told_since_date, student_source_id"
    ).fetchall()


def questions_with_names(connection: Connection) -> list[Row]:
    """As whom each id that waits was told before, and as whom since."""
    return connection.execute(
        "select c.student_source_id, c.told_since_date, a.given_names as earlier_given_names,"
        " a.family_names as earlier_family_names, a.birth_date as earlier_birth_date,"
        " b.given_names, b.family_names, b.birth_date from ops.student_change as c"
        " left join restricted.student_identity as a on a.student_key = c.earlier_key"
        " left join restricted.student_identity as b on b.student_key = c.student_key"
        " where c.state = 'open' order by c.told_since_date, c.student_source_id"
    ).fetchall()


def answer(
    connection: Connection, student_source_id: str, *, is_same: bool, by: str, reason: str
) -> bool:
    """A person's word whose an id is; False where nobody asked. It may be taken back."""
    # The one that is open, else the one that was answered last.
    change = connection.execute(
        "select change_id, earlier_key from ops.student_change where student_source_id = %s"
        " and state in ('open', 'same', 'another') order by decided_at desc nulls first limit 1",
        [student_source_id],
    ).fetchone()
    if change is None:
        return False
    decided = (
        "update ops.student_change set state = %s, decided_by = %s, reason = %s,"
        " decided_at = clock_timestamp() where change_id = %s"
    )
    state = "same" if is_same else "another"
    if not is_same:
        _move(connection, change["earlier_key"], "another", to="past")
    connection.execute(decided, [state, by, reason, change["change_id"]])
    if is_same:
        _move(connection, change["earlier_key"], "past", to="another")
    connection.execute(
        "insert into ops.event (kind, state, detail) values ('student', %s, %s)",
        [state, Jsonb({"change_id": change["change_id"], "by": by, "reason": reason})],
    )
    return True


def keys_of(connection: Connection, student_source_id: str) -> tuple[int, ...]:
    """Our keys of the child who has an id now: the one in force, then those under which it stood
    while somebody was asked; none where nobody knows the id."""
    rows = connection.execute(
        "with now as (select coalesce(c.student_key, x.student_key) as student_key"
        "  from ops.student_crosswalk as x left join ops.student_change as c"
        "  on c.student_source_id = x.student_source_id and c.state in ('open', 'another')"
        "  where x.student_source_id = %s)"
        " select student_key, 0 as place from now union all"
        " select c.student_key, 1 from ops.student_change as c inner join now"
        "  on c.earlier_key = now.student_key where c.state = 'same' order by place, student_key",
        [student_source_id],
    ).fetchall()
    return tuple(row["student_key"] for row in rows)


def names_agree(first: str | None, second: str | None) -> bool:
    """Whether two names may be of one person: one's words are all among the other's.

    Case, accents, hyphens, the order of words and initials do not count; no name differs from
    nothing.
    """
    one, other = _words(first), _words(second)
    if not one or not other or set(one) <= set(other) or set(other) <= set(one):
        return True
    return "".join(one) == "".join(other)


def _words(name: str | None) -> list[str]:
    plain = unicodedata.normalize("NFKD", (name or "").casefold())
    letters = "".join(c for c in plain if not unicodedata.combining(c)).replace("'", "")
    words = re.findall(r"\w+", letters)
    return [word for word in words if len(word) > 1] or words


def _criteria(seeds: Path) -> Criteria:
    columns = ("given_names", "family_names", "birth_dates", "is_another_child")
    return {
        (given, family, birth): is_another == "true"
        for given, family, birth, is_another in seed_rows(SEED, *columns, seeds=seeds)
    }


def _is_another(judge: _Judge, told: Row, known: Row) -> bool:
    def word(agrees: bool) -> str:
        return "agrees" if agrees else "differs"

    first, second = told["birth_date"], known["birth_date"]
    case = (
        word(names_agree(told["given_names"], known["given_names"])),
        word(names_agree(told["family_names"], known["family_names"])),
        word(first == second) if first and second else "unknown",
    )
    if case not in judge.criteria:
        raise SettingsWrong(f"The seed {SEED} has no row {', '.join(case)}.")
    return judge.criteria[case]


def _note(judge: _Judge, told: Row) -> None:
    known = judge.connection.execute(
        "select i.student_key, i.given_names, i.family_names, i.birth_date,"
        " case when c.state = 'same' then c.earlier_key else i.student_key end as child_key,"
        " c.change_id, c.state from restricted.student_identity as i"
        " left join ops.student_change as c on c.student_key = i.student_key"
        " where i.student_source_id = %s order by c.change_id",
        [told["student_source_id"]],
    ).fetchall()
    agreeing = [one for one in known if not _is_another(judge, told, one)]
    if any(one["child_key"] == told["student_key"] for one in agreeing):
        return
    is_open = told["state"] == "open"
    before = told["earlier_key"] if is_open else told["student_key"]
    if told["change_id"] is not None:
        gives_way = "withdrawn" if is_open else "past"
        _move(judge.connection, told["student_key"], told["state"], to=gives_way)
    if is_open and any(one["child_key"] == before for one in agreeing):
        # The earlier child is back before anybody was answered: the other was a mistake.
        _move(judge.connection, before, "past", to="another")
        return
    seen = [one for one in agreeing if one["state"] == "withdrawn"]
    _open(judge, told, before=before, again=seen[0]["change_id"] if seen else None)


def _open(judge: _Judge, told: Row, *, before: int, again: int | None) -> None:
    since: datetime = told["told_since"]
    day: date = since.astimezone(judge.zone).date()
    if again is not None:
        judge.connection.execute(
            "update ops.student_change set state = 'open', earlier_key = %s, told_since = %s,"
            " told_since_date = %s where change_id = %s",
            [before, since, day, again],
        )
        return
    # The key that the id had first, made anew with a number: the first that no child ever had, of
    # those whose records were destroyed neither.
    judge.connection.execute(
        sql.SQL(
            "insert into ops.student_change"
            " (student_source_id, earlier_key, student_key, told_since, told_since_date)"
            " select %(id)s, %(before)s, k.key, %(since)s, %(day)s from (select n, {key} as key"
            "  from generate_series(1, 1 + (select count(*) from ops.student_change)"
            "   + (select count(*) from ops.destroyed_student)) as n) as k"
            " where not exists (select from ops.student_change as c where c.student_key = k.key)"
            " and not exists (select from ops.destroyed_student as d where d.student_key = k.key)"
            " order by k.n limit 1"
        ).format(key=key_from(sql.SQL("%(id)s || chr(31) || n"))),
        {"id": told["student_source_id"], "before": before, "since": since, "day": day},
    )


def _move(connection: Connection, student_key: int, state: str, *, to: str) -> None:
    connection.execute(
        "update ops.student_change set state = %s where student_key = %s and state = %s",
        [to, student_key, state],
    )
