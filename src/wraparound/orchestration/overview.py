"""What stands where: the night at a glance, from the ledger and the roster alone."""

from dataclasses import asdict
from typing import Any

from wraparound.landing.inbox import lying_in
from wraparound.orchestration import nights, untaken
from wraparound.orchestration.watch import find_alarms
from wraparound.settings import Settings
from wraparound.warehouse import connection as connections
from wraparound.warehouse import embedded
from wraparound.warehouse.connection import Connection, Row
from wraparound.warehouse.identities import questions
from wraparound.warehouse.lifting import lifted_on
from wraparound.warehouse.unplaced import students_of_no_school

# So many rules past their review are named in a line; `status --json` names all.
RULES_NAMED = 5


def overview(settings: Settings) -> dict[str, Any]:
    """Server, feeds, last build, live lists and open questions; `lines` say it for people."""
    running = settings.warehouse_url is not None or embedded.status(settings).running
    if not running:
        return {
            "running": False,
            "lines": [
                "The warehouse is not up: `wraparound up`, or `make demo` for a first look."
            ],
        }
    nights.prepare(settings)
    with connections.connect(settings) as connection:
        found = {
            "running": True,
            "inbox": sum(1 for _ in lying_in(settings.inbox)),
            "inbox_untaken": untaken.lying(settings, connection),
            "feeds": _feeds(connection),
            "arrivals": _states(connection),
            "quarantine": _quarantine(connection),
            "students_in_question": len(questions(connection)),
            "students_of_no_school": students_of_no_school(connection),
            "build": _build(connection),
            "live": _live(connection),
            "events": _events(connection),
            "lifted_rules": lifted_on(connection, day=nights.today_at_the_door(settings)),
            "rules_past_review": _rules_past_review(connection),
        }
    found["feeds_to_look_at"] = [asdict(alarm) for alarm in find_alarms(settings)]
    return found | {"lines": _lines(found, settings)}


def _feeds(connection: Connection) -> list[Row]:
    return connection.execute(
        "select feed, sender, last_loaded_at, last_arrival_id from ops.feed_state"
        " order by feed, sender"
    ).fetchall()


def _states(connection: Connection) -> dict[str, int]:
    rows = connection.execute(
        "select state, count(*) as n from ops.arrival group by state order by state"
    ).fetchall()
    return {row["state"]: row["n"] for row in rows}


def _quarantine(connection: Connection) -> list[Row]:
    return connection.execute(
        "select feed, rule, count(distinct (arrival_id, file_name, row_number)) as rows"
        " from ops.quarantine where state = 'open' group by feed, rule"
        " order by rows desc, feed, rule"
    ).fetchall()


def _build(connection: Connection) -> Row | None:
    return connection.execute(
        "select build_id, state, as_of_date, started_at, finished_at, models_built, message"
        " from ops.build order by build_id desc limit 1"
    ).fetchone()


def school_names(connection: Connection) -> dict[str, str]:
    """What the roster calls each school, by its source id; schools that are gone too."""
    rows = connection.execute(
        "select sourced_id, max(name) as name from raw.roster__orgs where name is not null"
        " group by sourced_id"
    ).fetchall()
    return {row["sourced_id"]: row["name"] for row in rows}


def _live(connection: Connection) -> list[Row]:
    rows = connection.execute(
        "select p.school_source_id, p.release_id, r.as_of_date,"
        " (select v.verdict from ops.release_school as v where v.school_key = p.school_key"
        "   order by v.release_id desc limit 1) as last_verdict"
        " from release.pointer as p inner join ops.release as r on r.release_id = p.release_id"
        " order by p.school_source_id"
    ).fetchall()
    names = school_names(connection)
    return [row | {"school_name": names.get(row["school_source_id"])} for row in rows]


def _events(connection: Connection) -> list[Row]:
    """The newest steps; what is alarming about them is told by itself."""
    return connection.execute(
        "select happened_at, kind, dag_id, task_id, state from ops.event"
        " where state is distinct from 'alert' order by event_id desc limit 10"
    ).fetchall()


def _rules_past_review(connection: Connection) -> list[str]:
    """The rules of the newest gate that nobody has looked at in time."""
    row = connection.execute(
        "select detail -> 'past_review' as rules from ops.event where kind = 'gate'"
        " order by event_id desc limit 1"
    ).fetchone()
    return list(row["rules"] or []) if row else []


def said_of(school: Row) -> str:
    """A school as a person knows it, and its id in the roster."""
    name, source_id = school.get("school_name"), school["school_source_id"]
    return f"{name} ({source_id})" if name else str(source_id)


def _lines(found: dict[str, Any], settings: Settings) -> list[str]:
    lines = ["Arrivals: " + (_counts(found["arrivals"]) or "none yet")]
    lines += [
        f"  {feed['feed']:<15} last loaded {feed['last_loaded_at']:%Y-%m-%d %H:%M} UTC"
        f" (arrival {feed['last_arrival_id']})"
        for feed in found["feeds"]
    ]
    lines += _inbox_lines(found["inbox"], found["inbox_untaken"])
    lines += _to_look_at(found["feeds_to_look_at"])
    if found["lifted_rules"]:
        lines.append("Rules that are lifted:")
        lines += [
            f"  {rule['feed']} {rule['rule']} until {rule['until_date']}, by {rule['granted_by']}"
            for rule in found["lifted_rules"]
        ]
    if found["quarantine"]:
        lines.append("Set aside:")
        lines += [f"  {q['rows']:>6} {q['feed']} {q['rule']}" for q in found["quarantine"]]
    lines += _student_lines(found["students_in_question"], found["students_of_no_school"])
    lines += _build_lines(found["build"])
    lines.append(f"Live lists: {len(found['live'])} schools")
    lines += [
        f"  {said_of(live)}: release {live['release_id']} of {live['as_of_date']}"
        f"{'; newer ones are held' if live['last_verdict'] == 'hold' else ''}"
        for live in found["live"]
    ]
    lines += past_review_lines(found["rules_past_review"])
    if found["events"]:
        lines.append("Newest steps:")
        lines += [
            f"  {e['happened_at']:%H:%M:%S} {e['dag_id'] or e['kind']}"
            f"{'.' + e['task_id'] if e['task_id'] else ''} {e['state'] or ''}"
            for e in found["events"]
        ]
    lines.append(f"Pages: {settings.lists / 'index.html'}")
    return lines


def _inbox_lines(count: int, stay: list[Row]) -> list[str]:
    if not count:
        return []
    return [
        f"Files in the inbox: {count}. Those that stay: see docs/runbooks/files.md, inbox.",
        *(f"  {one['file']} {one['reason']}" for one in stay),
    ]


def _to_look_at(alarms: list[Row]) -> list[str]:
    """Each alarm, and who was named for it if anybody was."""
    told = (filter(None, (alarm["text"], alarm["owner"])) for alarm in alarms)
    return ["To look at:", *("  " + " Owner: ".join(words) for words in told)] if alarms else []


def _build_lines(build: Row | None) -> list[str]:
    if build is None:
        return []
    return [f"Last build: {build['build_id']}, {build['state']}, for {build['as_of_date']}"]


def _student_lines(in_question: int, of_no_school: int) -> list[str]:
    """Count ids of which a person has to say whose they are, and students whom no list holds."""
    told = {
        f"Student ids that look like another child's: {in_question}. What was told of them before "
        "is not shown. See `wraparound student list`.": in_question,
        f"Students of the roster without any school: {of_no_school}. They are on no list. See "
        "docs/runbooks/files.md, students of no school.": of_no_school,
    }
    return [line for line, count in told.items() if count]


def past_review_lines(rules: list[str]) -> list[str]:
    """Say which rules of the gate are past their review, and what to do about it."""
    if not rules:
        return []
    told = f"{len(rules)} rules of the gate are" if len(rules) > 1 else "A rule of the gate is"
    named = ", ".join(rules[:RULES_NAMED])
    more = f" and {len(rules) - RULES_NAMED} more" if len(rules) > RULES_NAMED else ""
    return [
        f"{told} past the day of review: {named}{more}. "
        "Read each in expectations/, and set a new review_by or take it out."
    ]


def _counts(states: dict[str, int]) -> str:
    return ", ".join(f"{count} {state}" for state, count in states.items())
