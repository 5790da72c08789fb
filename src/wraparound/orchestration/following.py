"""Twenty needs of the invented district from evidence to outcome: a page and its picture."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from typing import Any

from wraparound.publishing.lists import read_service
from wraparound.publishing.words import DEFAULT_LANGUAGE, words_in
from wraparound.warehouse.connection import Connection, Row

PAGE = "docs/twenty-needs.md"
PICTURE = "docs/images/twenty-needs.svg"
HEAD = """<!-- made by `wraparound district examples`; edit the models or that command -->
# Twenty needs, from evidence to outcome

Twenty open needs of the invented district on {as_of}: some of each state, the first in the order
of their ids, no child twice. `wraparound district examples` makes this page and its picture again;
a test holds that they are what the models give.

![When each of the twenty was asked for, answered, served and ended](images/twenty-needs.svg)

A hollow ring is the request, a diamond the provider's answer, the bar the time of service with a
dot for each visit; a square is its end, a cross an end without help, and a dotted line waits.
Where nothing was asked for yet, the next step stands in its place.
"""
# How many needs of which state of referral, of consent, and places at the first service (any
# where it says %), as far as the district has them; any other needs make them up to twenty.
COUNT = 20
WANTED: tuple[tuple[str, str, str, int], ...] = (
    ("completed", "on_file", "%", 4),
    ("in-progress", "on_file", "%", 4),
    ("accepted", "on_file", "%", 1),
    ("requested", "on_file", "%", 2),
    ("on-hold", "on_file", "%", 1),
    ("rejected", "on_file", "%", 1),
    ("failed", "on_file", "%", 1),
    ("cancelled", "on_file", "%", 1),
    ("new", "on_file", "free", 1),
    ("new", "on_file", "waitlist", 1),
    ("new", "to_ask", "%", 1),
    ("new", "withdrawn", "%", 1),
    ("new", "expired", "%", 1),
    ("%", "%", "%", COUNT),
)
# Of several rules of one state, attendance comes first: its value has a before and an after.
CHOSEN = """
    select q.* from reports.rpt_referral_queue as q
    where q.state like %s and q.consent_status like %s and q.student_key <> all (%s)
        and q.student_source_id not like '%%canary%%'
        and coalesce(q.services -> 0 ->> 'capacity_state', '') like %s
    order by q.rule_id not like 'AT-%%', q.student_source_id collate "C", q.rule_id limit 1
"""
EVENTS = """
    select e.event_date, e.event_type, e.referral_state, e.reason, e.attended_minutes,
        w.verdict, s.service_name
    from intermediate.int_need_referrals_chosen as c
    inner join intermediate.int_service_events_united as e on e.referral_id = c.referral_id
    left join intermediate.int_referral_states_walked as w on w.event_id = e.event_id
    left join marts.dim_services as s on s.service_id = e.service_id
    where c.need_id = %s and e.event_date <= %s
    order by e.event_date, e.event_sequence nulls first, e.event_id collate "C"
"""
JUDGED = """
    select f.excluded_by, count(*) as services,
        (array_agg(s.service_name order by s.service_name collate "C"))[1] as example
    from intermediate.int_service_fits_judged as f
    inner join marts.dim_services as s on s.service_id = f.service_id
    where f.need_id = %s group by f.excluded_by order by count(*) desc, f.excluded_by
"""
# The indicator itself on both sides of the first day of service.
DAYS = """
    select a.attendance_date >= %(began)s as is_after, count(*) as days,
        count(*) filter (where a.is_absent) as absent
    from marts.fct_attendance_days as a
    where a.student_key = %(student_key)s and a.is_known group by 1
"""
ENDS = ("completed", "rejected", "failed", "cancelled")


@dataclass(frozen=True)
class Followed:
    """One need with all that is known of it: rows of the reports and of the models."""

    number: int
    need: Row
    judged: Sequence[Row]
    events: Sequence[Row]
    days: Sequence[Row]

    @property
    def states(self) -> list[Row]:
        """The events that moved the referral."""
        return [event for event in self.events if event["verdict"] == "counted"]

    @property
    def visits(self) -> list[Row]:
        """Attendances at the service."""
        return [event for event in self.events if event["event_type"] == "attendance"]

    @property
    def began(self) -> date | None:
        """The first day of service."""
        days = [e["event_date"] for e in self.states if e["referral_state"] == "in-progress"]
        days += [e["event_date"] for e in self.visits]
        return min(days, default=None)


def followed_needs(connection: Connection) -> list[Followed]:
    """Choose the twenty in a warehouse in which the examples' district was built.

    Raises:
        LookupError: the district has fewer than twenty children with open needs.
    """
    taken: list[int] = []
    found: list[Followed] = []
    for *kind, places, count in WANTED:
        for _ in range(min(count, COUNT - len(found))):
            need = connection.execute(CHOSEN, [*kind, taken, places]).fetchone()
            if need is None:
                break
            taken.append(need["student_key"])
            found.append(_followed(connection, need, number=len(found) + 1))
    if len(found) < COUNT:
        raise LookupError(f"The example district has {len(found)} children with open needs.")
    return found


def _followed(connection: Connection, need: Row, *, number: int) -> Followed:
    values: list[Any] = [need["need_id"], need["as_of_date"]]
    events = connection.execute(EVENTS, values).fetchall() if need["state"] != "new" else []
    judged = connection.execute(JUDGED, values[:1]).fetchall()
    followed = Followed(number, need, judged, events, [])
    if followed.began is None or not need["rule_id"].startswith("AT-"):
        return followed
    words = {"began": followed.began, "student_key": need["student_key"]}
    return Followed(number, need, judged, events, connection.execute(DAYS, words).fetchall())


def followed_files(connection: Connection) -> dict[str, str]:
    """Return the page and its picture, by their places in the project."""
    needs = followed_needs(connection)
    words = {
        row["criterion"]: row["failed_wording"]
        for row in connection.execute("select * from seeds.fit_criteria").fetchall()
    }
    return {PAGE: _page(needs, words=words), PICTURE: _picture(needs)}


def _page(needs: Sequence[Followed], *, words: dict[str, str]) -> str:
    """A table of all, then each need step by step."""
    parts = [HEAD.format(as_of=needs[0].need["as_of_date"]), *_summary(needs)]
    for one in needs:
        parts += ["", *_story(one, words=words)]
    return "\n".join(parts) + "\n"


def _summary(needs: Iterable[Followed]) -> Iterable[str]:
    yield "| | Child | Need | Fit | Place | Consent | Referral | Visits | Outcome |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for one in needs:
        need = one.need
        cells = (
            str(one.number),
            need["student_name"],
            f"{need['level']}: {need['wording']}",
            f"{_fitting(one)} of {sum(row['services'] for row in one.judged)}",
            _place(need),
            need["consent_status"].replace("_", " "),
            need["state"],
            str(len(one.visits) or ""),
            _outcome(one) or "",
        )
        yield f"| {' | '.join(cells)} |"


def _fitting(one: Followed) -> int:
    return sum(row["services"] for row in one.judged if row["excluded_by"] is None)


def _place(need: Row) -> str:
    """What the first service offers: a place, a line, or a question."""
    first = next(iter(need["services"]), None)
    if first is None:
        return "no service"
    if first["capacity_state"] == "free":
        return "free"
    if first["capacity_state"] == "unknown":
        return "ask"
    if not first["line_number"]:
        return "waiting list"
    return f"no. {first['line_number']} of {first['waiting_count']}"


def _story(one: Followed, *, words: dict[str, str]) -> Iterable[str]:
    need = one.need
    yield f"## {one.number}. {need['student_name']}: {need['state']}"
    yield ""
    yield "| Step | What is known |"
    yield "|---|---|"
    for step, text in _steps(one, words=words):
        yield f"| {step} | {text} |"


def _steps(one: Followed, *, words: dict[str, str]) -> Iterable[tuple[str, str]]:
    need = one.need
    for signal in need["evidence"]:
        limit = f"{signal['comparison']} {signal['threshold']}"
        yield (
            "Evidence",
            f"{signal['wording']} Found {signal['value']}, limit {limit}, rule "
            f"{signal['rule_id']}, from {signal['source_feed']}, data through "
            f"{signal['data_through'] or 'not said'}",
        )
    rank = f"rank {need['referral_rank']} at its school"
    yield "Need", f"{need['level']} in {need['domain'].replace('_', ' ')}, {rank}"
    english = words_in(DEFAULT_LANGUAGE)
    for service in need["services"]:
        yield "Fits", f"**{service['service_name']}**: {english.fit(read_service(service))}"
    for row in one.judged:
        if row["excluded_by"] is not None:
            more = f" and {row['services'] - 1} more" if row["services"] > 1 else ""
            yield "Left out", f"{row['example']}{more}: {words[row['excluded_by']]}"
    yield "Consent", need["consent_status"].replace("_", " ")
    states = [
        f"{event['event_date']} {event['referral_state']}"
        + (f" ({event['reason'].replace('_', ' ')})" if event["reason"] else "")
        for event in one.states
    ]
    if states:
        service = one.states[0]["service_name"]
        yield "Referral", f"{service}: {', '.join(states)}"
    if one.visits:
        minutes = sum(event["attended_minutes"] or 0 for event in one.visits)
        days = ", ".join(str(event["event_date"]) for event in one.visits)
        visits = "1 visit" if len(one.visits) == 1 else f"{len(one.visits)} visits"
        yield "Attendance", f"{visits}, {minutes} minutes: {days}"
    outcome = _outcome(one)
    if outcome:
        yield "Outcome", f"{outcome}. One child: a change beside a service is not a change by it"
    owner = english.code("owner", need["owner"])
    yield "Next", f"{need['next_step']} {owner}, by {need['due_date']}"


def _outcome(one: Followed) -> str | None:
    """Before and after the first day of service, with the days that each is of."""
    if one.began is None:
        return None
    if not one.days:
        return "not known: nothing was measured again since the service began"
    sides = {row["is_after"]: row for row in one.days}
    texts = [
        f"{name} {sides[side]['absent']} of {sides[side]['days']} days missed"
        f" ({100 * sides[side]['absent'] / sides[side]['days']:.1f} %)"
        for side, name in ((False, "before"), (True, "since"))
        if side in sides
    ]
    return ", ".join(texts)


# ----------------------------------------------------------------- the picture

LEFT, RIGHT, TOP, ROW = 190, 20, 34, 24
WIDTH = 900
STYLE = (
    "text{font:12px sans-serif;fill:#333}.n{fill:#777}.g{stroke:#ddd}"
    ".w{stroke:#999;stroke-dasharray:2 3}"
    ".b{fill:#bcd6e8}.v{fill:#1b5e8a}.r{fill:#fff;stroke:#1b5e8a;stroke-width:2}"
    ".d{fill:#1b5e8a}.e{fill:#2e7d32}.x{stroke:#b3261e;stroke-width:2.5}"
)


def _picture(needs: Sequence[Followed]) -> str:
    """An SVG: a line for each need, a mark for what happened on which day."""
    last = needs[0].need["as_of_date"]
    days = [event["event_date"] for one in needs for event in one.events]
    first = min(days).replace(day=1)
    span = (last - first).days

    def place(day: date) -> float:
        return float(round(LEFT + (WIDTH - LEFT - RIGHT) * (day - first).days / span, 1))

    height = TOP + ROW * len(needs) + 10
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="Twenty referrals by day"><style>{STYLE}</style>'
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>'
    ]
    for month in _months(first, last):
        x = place(month)
        lines.append(f'<path class="g" d="M{x} {TOP - 8}V{height - 8}"/>')
        lines.append(f'<text x="{x + 3}" y="{TOP - 14}">{month:%b}</text>')
    for one in needs:
        y = TOP + ROW * (one.number - 1) + ROW // 2
        title = f"{one.number}. {one.need['state']}, {one.need['rule_id']}"
        lines.append(f'<text x="8" y="{y + 4}">{escape(title)}</text>')
        lines += _marks(one, y=y, place=place, last=last)
    return "\n".join([*lines, "</svg>"]) + "\n"


def _months(first: date, last: date) -> Iterable[date]:
    month = first
    while month <= last:
        yield month
        month = date(month.year + month.month // 12, month.month % 12 + 1, 1)


def _marks(one: Followed, *, y: int, place: Any, last: date) -> Iterable[str]:
    """The marks of one need, from left to right."""
    moved = {event["referral_state"]: place(event["event_date"]) for event in one.states}
    if not moved:
        yield f'<text class="n" x="{LEFT + 8}" y="{y + 4}">{escape(one.need["next_step"])}</text>'
        return
    begun = min(moved.values())
    end = max(moved.values()) if one.need["state"] in ENDS else place(last)
    yield f'<path class="w" d="M{begun} {y}H{end}"/>'
    if one.began is not None:
        start = place(one.began)
        width = round(end - start, 1)
        yield f'<rect class="b" x="{start}" y="{y - 6}" width="{width}" height="12"/>'
    for visit in one.visits:
        yield f'<circle class="v" cx="{place(visit["event_date"])}" cy="{y}" r="3"/>'
    if "requested" in moved:
        yield f'<circle class="r" cx="{moved["requested"]}" cy="{y}" r="4.5"/>'
    if "accepted" in moved:
        yield f'<path class="d" d="M{moved["accepted"]} {y - 6}l5 6l-5 6l-5-6z"/>'
    if one.need["state"] == "completed":
        yield f'<rect class="e" x="{end - 5}" y="{y - 5}" width="10" height="10"/>'
    elif one.need["state"] in ENDS:
        yield f'<path class="x" d="M{end - 5} {y - 5}l10 10m0-10l-10 10"/>'
