"""The page a coordinator opens at seven: one HTML file, no script, nothing from outside.

Templates lay out; this module prepares what they show, so that they only loop and print.
"""

import hashlib
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache, partial
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined, nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.runtime import Context
from markupsafe import Markup, escape

from wraparound.publishing.rule_words import rule_in_words
from wraparound.publishing.words import Words, folded, number_text, short_grade, words_in

if TYPE_CHECKING:
    from wraparound.publishing.lists import (
        ClassRow,
        Feed,
        Finding,
        ListData,
        NightsLine,
        Profile,
        Referral,
        ReviewDue,
        SchoolLine,
        Signal,
        Student,
        TodayItem,
        Week,
    )
    from wraparound.publishing.standings import Found

OfStudent = TypeVar("OfStudent", "Referral", "ClassRow")

TEMPLATES = Path(__file__).parent / "templates"

# Grades before the first, from the youngest on (CEDS).
YOUNGEST = ("IT", "PR", "PK", "TK", "KG")

DOMAINS = ("academics", "social_emotional_behavioral", "health", "family")
# How full a domain's square is drawn; whatever is not listed is drawn as not known.
FILL = {"no_concern": 0, "mild": 1, "moderate": 2, "severe": 3}
NOT_KNOWN = 4

SIGNS = {">=": "\N{GREATER-THAN OR EQUAL TO}", "<=": "\N{LESS-THAN OR EQUAL TO}"}

# Parts of a place in the queue that already stand beside it.
SAID_BESIDE = frozenset({"age_days", "rule_id"})

TODAY_KINDS = ("new", "overdue", "changed", "good_news")
# Layout only: how many lines of a kind stand open before the rest is folded away.
TODAY_LINES = 8
# Layout only: the workbook holds them all.
DECISIONS_SHOWN = 3

# The sparkline's box; its floor is half attendance, so that the weeks near the mark differ.
SPARK_STEP, SPARK_HEIGHT, SPARK_MARGIN, SPARK_FLOOR = 10, 30, 3, 0.5


@dataclass(frozen=True)
class Notice:
    """A banner: what a reader must know before the first line of the list."""

    kind: str
    head: str
    lines: tuple[str, ...]
    tail: str


@dataclass(frozen=True)
class Chip:
    """One feed's freshness in words."""

    is_stale: bool
    name: str
    words: str
    note: str

    @property
    def is_troubled(self) -> bool:
        """Whether a coordinator has to know before reading on."""
        return self.is_stale or bool(self.note)


@dataclass(frozen=True)
class TodayColumn:
    """One kind of today's items, the first few open and the rest folded."""

    kind: str
    items: "tuple[TodayItem, ...]"
    # What stands there where there is no item: the key of a text.
    none: str

    @property
    def shown(self) -> "tuple[TodayItem, ...]":
        return self.items[:TODAY_LINES]

    @property
    def folded(self) -> "tuple[TodayItem, ...]":
        return self.items[TODAY_LINES:]


# Sentences that share one source, and that source in words.
Told = tuple[str, str]


@dataclass(frozen=True)
class Need:
    """One need of a student in words, with its source, and the open referral it led to."""

    wording: str
    why: str
    referral: "Referral | None"


@dataclass(frozen=True)
class Area:
    """One domain of one student: its letter, how full its square is, and what is known."""

    name: str
    letter: str
    level: str
    fill: int
    strengths: tuple[Told, ...]
    needs: tuple[Need, ...]
    context: tuple[Told, ...]

    @property
    def has_words(self) -> bool:
        return bool(self.strengths or self.needs or self.context)


@dataclass(frozen=True)
class Child:
    """One student as the table and the student's own page show them."""

    student: "Student"
    areas: tuple[Area, ...]
    history: tuple[tuple[date, str], ...]
    spark: str
    weeks: str
    grade_index: int
    anchor: str
    next_anchor: str | None

    @property
    def area_words(self) -> str:
        return "; ".join(f"{area.name}: {area.level}" for area in self.areas)

    @property
    def quiet_areas(self) -> str:
        """The domains of which only the level is known, in one line."""
        quiet = (area for area in self.areas if not area.has_words)
        return "; ".join(f"{area.name}: {area.level}" for area in quiet)

    @property
    def asks(self) -> bool:
        """Whether the suggestion is another tier than the one decided."""
        return self.student.suggested_tier not in (None, "not_known", self.student.decided_tier)

    @property
    def question(self) -> str:
        """The phrase that asks, with the way in which the suggestion differs."""
        asked = {"more_support": "tier_ask_more", "less_support": "tier_ask_less"}
        return asked.get(self.student.tier_difference or "", "tier_ask")


@dataclass(frozen=True)
class ReviewClass:
    """One class of the whole class review: whom to do first, whom done."""

    title: str
    teachers: str
    to_do: "tuple[ClassRow, ...]"
    done: "tuple[ClassRow, ...]"

    @property
    def size(self) -> int:
        return len(self.to_do) + len(self.done)


@dataclass(frozen=True)
class DueKind:
    """One kind of review: what has come due, and what will."""

    kind: str
    next_step: str
    due: "tuple[ReviewDue, ...]"
    later: "tuple[ReviewDue, ...]"


def render_school_page(data: "ListData", *, workbook_name: str, language: str) -> str:
    """Render one school's page as a whole HTML document."""
    words = words_in(language)
    children = _children(data, words=words)
    grades = _grades(data)
    style = _style(words.language, len(grades)) + _running_foot(data, words=words)
    return _environment().written(
        "list.html.j2",
        data=data,
        w=words,
        style=style,
        style_hash=_hash(style),
        notices=notices_of(data, words=words),
        chips=[_chip(feed, words=words) for feed in data.school.feeds],
        attendance_through=_attendance_through(data.school.feeds),
        today=_today(data),
        children=children,
        letters=_by_letter(children),
        grades=[short_grade(grade) for grade in grades],
        classes=_classes(data.class_rosters),
        due_kinds=_due_kinds(data.reviews_due),
        due_count=sum(row.is_due for row in data.reviews_due),
        known={child.student.student_key: child.anchor for child in children},
        filters=_filters(data.queue),
        one_of=_numbered_needs(data.queue, words=words),
        mark=f"M0 {_height(data.attendance_mark)}h110",
        workbook_name=workbook_name,
        fill=lambda level: FILL.get(level, NOT_KNOWN),
        once=cache,
        usual_owner=_usual_owner(data.queue),
        opened=lambda referral: _opened(referral, words=words),
        evidence=lambda referral: _evidence(referral, words=words),
        decided=lambda referral: _decided(referral, words=words),
        order=lambda referral: _order(referral, words=words),
        support=lambda student: _support(student, words=words),
        missed=lambda student: _missed(student, words=words),
        about=lambda student: _about(student, words=words),
    )


def render_index_page(
    lines: "Sequence[SchoolLine]",
    *,
    district_name: str,
    smallest_count: int,
    page_name: str,
    nights_page: str,
    language: str,
) -> str:
    """Render the district overview as a whole HTML document."""
    words = words_in(language)
    style = _style(words.language, 0)

    def told(count: int | None) -> str:
        if count is None:
            return ""
        small = 0 < count < smallest_count
        return words("fewer_than", count=smallest_count) if small else str(count)

    return _environment().written(
        "district.html.j2",
        lines=lines,
        nights_page=nights_page,
        in_words=partial(rule_in_words, language=words.language),
        w=words,
        style=style,
        style_hash=_hash(style),
        district_name=district_name,
        told=told,
        tally={word: sum(line.verdict == word for line in lines) for word in ("hold", "notice")},
        href=lambda line: f"{quote(line.folder)}/{page_name}",
        feed_names=lambda feeds: ", ".join(words.code("feed", feed) for feed in feeds),
    )


MARKS = {"pass": "\u2713", "notice": "!", "lifted": "\u21b7", "hold": "\u2715", "": "\u2013"}


def render_nights_page(
    schools: "Sequence[NightsLine]",
    releases: "Sequence[tuple[int, date]]",
    *,
    district_name: str,
    overview: str,
    language: str,
) -> str:
    """Render every school's verdicts of the last nights as a whole HTML document."""
    words = words_in(language)
    style = _style(words.language, 0)
    days = {release_id: words.brief_day(day) for release_id, day in releases}
    return _environment().written(
        "nights.html.j2",
        schools=schools,
        found_words=partial(_found_words, days=days, words=words),
        releases=releases,
        marks=MARKS,
        w=words,
        style=style,
        style_hash=_hash(style),
        district_name=district_name,
        overview=overview,
    )


def _found_words(found: "Found", *, days: Mapping[int, str], words: Words) -> tuple[str, str, str]:
    """Say what a rule found, how grave it is, and on which days."""
    return (
        rule_in_words(found.rule_id, found.message, language=words.language),
        words(f"severity_{found.severity}"),
        ", ".join(dict.fromkeys(days[release] for release in found.release_ids)),
    )


class Direct(CodeGenerator):
    """Templates as plain Python: what an object lacks is an error, calls are calls.

    The library asks of each call and each attribute what it may be; a page has a hundred
    thousand of them, and they are methods and fields of ours.
    """

    def write_commons(self) -> None:
        super().write_commons()
        self.writeline("escape = environment.escaped")

    def blockvisit(self, nodes: Iterable[nodes.Node], frame: Frame) -> None:
        """Gather a template's pieces, and hand them on as one: not each through every template
        that includes it."""
        if frame.rootlevel:
            self.buffer(frame)
        super().blockvisit(nodes, frame)
        if frame.rootlevel:
            self.writeline(f"yield concat({frame.buffer})")

    def macro_def(self, *_: Any) -> None:
        """Let a macro be the function that it is."""
        self.write("macro")

    def return_buffer_contents(self, frame: Frame, *_: bool, **__: bool) -> None:
        """Let what a macro returns be markup."""
        super().return_buffer_contents(frame)

    def _output_child_pre(self, node: nodes.Expr, *_: Any) -> None:
        # Markup may be long: what a macro made is not looked up by its text.
        is_call = isinstance(node, nodes.Call)
        self.write("(made if type(made := " if is_call else "escape(")

    def _output_child_post(self, node: nodes.Expr, *_: Any) -> None:
        is_call = isinstance(node, nodes.Call)
        self.write(") is Markup else escape(made))" if is_call else ")")

    def visit_Getattr(self, node: nodes.Getattr, frame: Frame) -> None:  # noqa: N802  its name
        self.visit(node.node, frame)
        self.write(f".{node.attr}")

    def visit_Call(self, node: nodes.Call, frame: Frame, *_: bool) -> None:  # noqa: N802
        self.visit(node.node, frame)
        self.write("(")
        for argument in (*node.args, *node.kwargs):
            self.visit(argument, frame)
            self.write(", ")
        self.write(")")


class Fleeting(Context):
    """What a template is given, known to where the templates are."""

    environment: "Pages"

    def __init__(self, environment: "Pages", *given: Any, **named: Any) -> None:
        super().__init__(environment, *given, **named)
        environment.contexts.append(self)


class Pages(Environment):
    """Where the templates are, and how they become text."""

    code_generator_class = Direct
    context_class = Fleeting
    # Most of a page it says of many children. Typed: markup equals the text that it is made of.
    escaped = staticmethod(lru_cache(maxsize=2**14, typed=True)(escape))

    def __init__(self, **named: Any) -> None:
        super().__init__(**named)
        self.contexts: list[Fleeting] = []

    def written(self, name: str, **given: Any) -> str:
        """Write a template out, and let go of what it was given.

        Contexts and macros hold each other: all that a page is made of would wait for a look for
        garbage.
        """
        try:
            return self.get_template(name).render(given)
        finally:
            for context in self.contexts:
                context.parent, context.vars = {}, {}
            self.contexts.clear()


@cache
def _environment() -> Pages:
    return Pages(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _style(language: str, grade_count: int) -> Markup:
    """Fill in the style sheet: labels of cards in the reader's words, one filter per grade."""
    words = words_in(language)
    text = _environment().written(
        "style.css.j2",
        label=lambda key: _css_text(words(key)),
        grade_count=grade_count,
        picks=[*(f"q-{name}" for name in FILTERS), "g-all"]
        + [f"g-{index}" for index in range(grade_count)],
    )
    return Markup(text)  # noqa: S704  our own file and our own words


def _running_foot(data: "ListData", *, words: Words) -> Markup:
    """Let every printed sheet say whose list it is, of which day, and which sheet."""
    told = (data.school.school_name, words.day(data.school.as_of_date))
    said = _css_text(" \N{MIDDLE DOT} ".join((*told, words("release", number=data.release_id))))
    return Markup(FOOT).format(said)  # noqa: S704  our own text


FOOT = (
    "@page{{@bottom-left{{content:{};font-size:8pt;color:#444}}"
    '@bottom-right{{content:counter(page) " / " counter(pages);font-size:8pt;color:#444}}}}'
)


def _css_text(words: str) -> Markup:
    """Write text as a CSS string in which nothing but letters and digits stands bare."""
    escaped = (
        character if character.isascii() and character.isalnum() else f"\\{ord(character):06x}"
        for character in words
    )
    return Markup('"{}"').format("".join(escaped))


def _hash(style: str) -> str:
    """The page's policy allows this one style sheet, by its hash, and nothing else."""
    return b64encode(hashlib.sha256(style.encode()).digest()).decode()


def notices_of(data: "ListData", *, words: Words) -> list[Notice]:
    """Say what a reader must know before the first line: the verdict's findings, old data."""
    stale = tuple(
        _stale_words(feed, as_of=data.school.as_of_date, words=words)
        for feed in data.school.feeds
        if feed.is_stale
    )
    notices = [_verdict_notice(data, words=words)] if data.verdict.word != "pass" else []
    if stale:
        notices.append(Notice("stale", words("stale_head"), stale, words("not_dropped")))
    return notices


def _verdict_notice(data: "ListData", *, words: Words) -> Notice:
    verdict = data.verdict
    lines = tuple(_finding_words(finding, words=words) for finding in verdict.findings)
    if verdict.word != "hold":
        return Notice("notice", words("notice_head"), lines, words("not_dropped"))
    head = words("hold_head", day=words.day(data.school.as_of_date))
    newer = (
        words("hold_newer", day=words.day(verdict.as_of_date))
        if verdict.as_of_date
        else words("hold_why")
    )
    since = f" {words('held_since', day=words.day(verdict.since))}" if verdict.since else ""
    return Notice("hold", f"{head}{since} {newer}" if lines else head, lines, words("hold_who"))


def _finding_words(finding: "Finding", *, words: Words) -> str:
    told = rule_in_words(finding.rule_id, finding.message, language=words.language)
    # One says nothing: a school's line of numbers is one row, whatever stands in it.
    if finding.failing_count is None or finding.failing_count < 2:
        return told
    counted = "finding_count_of_district" if finding.is_of_district else "finding_count"
    return f"{told} ({words(counted, count=finding.failing_count)})"


def _stale_words(feed: "Feed", *, as_of: date, words: Words) -> str:
    name = words.code("feed", feed.feed)
    last = feed.data_through or feed.last_loaded_on
    if last is None:
        said = words("feed_missing", feed=_capital(name))
    else:
        age = words.count("days", max((as_of - last).days, 0))
        said = words("feed_old", feed=_capital(name), day=words.short_day(last), age=age)
    return f"{said} {words.feed_note(feed.note, feed.note_day)}".strip()


def _chip(feed: "Feed", *, words: Words) -> Chip:
    said = words.freshness(feed.data_through, feed.last_loaded_on, is_stale=feed.is_stale)
    note = words.feed_note(feed.note, feed.note_day)
    return Chip(feed.is_stale, words.code("feed", feed.feed), said, note)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _attendance_through(feeds: "Iterable[Feed]") -> date | None:
    return next((feed.data_through for feed in feeds if feed.feed == "attendance"), None)


def _today(data: "ListData") -> list[TodayColumn]:
    others = {item.item_kind for item in data.today}.difference(TODAY_KINDS)
    return [
        TodayColumn(
            kind,
            tuple(item for item in data.today if item.item_kind == kind),
            none="none_before" if kind == "new" and data.is_first else "nothing",
        )
        for kind in (*TODAY_KINDS, *sorted(others))
    ]


def _filters(queue: "Sequence[Referral]") -> dict[str, int]:
    """Count what each filter of the queue would show."""
    return {name: sum(map(shows, queue)) for name, shows in FILTERS.items()}


FILTERS: "dict[str, Callable[[Referral], bool]]" = {
    "all": lambda _: True,
    "overdue": lambda referral: referral.is_overdue,
    "new": lambda referral: referral.is_new,
    "consent": lambda referral: referral.consent_status != "on_file",
}


def _numbered_needs(queue: "Sequence[Referral]", *, words: Words) -> dict[int, str]:
    """Say by rank which of a student's needs a line is, where the queue has several of theirs.

    Whoever has five lines is then seen at the first of them.
    """
    return {
        referral.referral_rank: words("need_of", number=number, count=len(theirs))
        for theirs in _grouped(queue).values()
        if len(theirs) > 1
        for number, referral in enumerate(theirs, start=1)
    }


def _grades(data: "ListData") -> list[str]:
    """List the grades of the school from the youngest to the oldest."""
    grades = {student.grade_level for student in data.students if student.grade_level}
    return sorted(grades, key=_by_age)


def _by_age(grade: str) -> tuple[int, str]:
    """Order a grade code: those before grade 1, then numbers, then what has no age of its own."""
    if grade in YOUNGEST:
        return (YOUNGEST.index(grade), "")
    return (len(YOUNGEST) + (not grade.isdigit()), grade)


def _children(data: "ListData", *, words: Words) -> list[Child]:
    indexes = {grade: index for index, grade in enumerate(_grades(data))}
    referrals, reviews = _grouped(data.queue), _grouped(data.class_rosters)
    anchors = [_anchor(student.student_key) for student in data.students]
    children = []
    for place, student in enumerate(data.students):
        key = student.student_key
        mine, reviewed = referrals.get(key, ()), reviews.get(key, ())
        child = Child(
            student=student,
            areas=_areas(data.profiles.get(key, ()), mine, words=words),
            history=_history(student, mine, reviewed, words=words),
            spark=_spark(student.weekly_attendance),
            weeks=_week_words(student.weekly_attendance, words=words),
            grade_index=indexes.get(student.grade_level or "", -1),
            anchor=anchors[place],
            next_anchor=anchors[place + 1] if place + 1 < len(anchors) else None,
        )
        children.append(child)
    return children


def _anchor(key: int) -> str:
    """Shorten our key of a student for use in links; it stays the same from night to night."""
    digits, rest = "", abs(key)
    while rest:
        rest, digit = divmod(rest, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits or "0"


def _grouped(rows: Iterable[OfStudent]) -> dict[int, tuple[OfStudent, ...]]:
    gathered: dict[int, list[OfStudent]] = {}
    for row in rows:
        gathered.setdefault(row.student_key, []).append(row)
    return {key: tuple(of_one) for key, of_one in gathered.items()}


def _areas(
    profiles: "Sequence[Profile]", referrals: "Sequence[Referral]", *, words: Words
) -> tuple[Area, ...]:
    """Show all four domains, always: one without a row is not known, never missing."""
    found = {profile.domain: profile for profile in profiles}
    return tuple(
        _area(
            domain,
            found.get(domain),
            [referral for referral in referrals if referral.domain == domain],
            words=words,
        )
        for domain in DOMAINS
    )


def _area(
    domain: str, profile: "Profile | None", referrals: "Sequence[Referral]", *, words: Words
) -> Area:
    level = profile.level if profile else "not_known"
    return Area(
        name=words.code("domain", domain),
        letter=words.code("letter", domain),
        level=words.code("level", level),
        fill=FILL.get(level, NOT_KNOWN),
        strengths=_told(profile.strengths if profile else (), say=_origin, words=words),
        needs=_needs(profile.needs if profile else (), referrals, words=words),
        context=_told(profile.context if profile else (), say=_source, words=words),
    )


def _told(
    signals: "Sequence[Signal]", *, say: "Callable[..., str]", words: Words
) -> tuple[Told, ...]:
    """Tell sentences with their source, which is said once where several share it."""
    if not signals:
        return ()
    of_source: dict[str, list[str]] = {}
    for signal in signals:
        of_source.setdefault(say(signal, words=words), []).append(signal.wording)
    return tuple((" ".join(wordings), source) for source, wordings in of_source.items())


def _needs(
    signals: "Sequence[Signal]", referrals: "Sequence[Referral]", *, words: Words
) -> tuple[Need, ...]:
    """Put each open referral beside the need of its rule; none is lost if there is no such."""
    of_rule = {referral.rule_id: referral for referral in referrals}
    needs = [
        Need(signal.wording, _why(signal, words=words), of_rule.pop(signal.rule_id, None))
        for signal in signals
    ]
    needs += [
        Need(referral.wording, _own_why(referral, words=words), referral)
        for referral in of_rule.values()
    ]
    return tuple(needs)


def _history(
    student: "Student",
    referrals: "Sequence[Referral]",
    reviews: "Sequence[ClassRow]",
    *,
    words: Words,
) -> tuple[tuple[date, str], ...]:
    """Tell what happened to a student, newest first, each as (day, what)."""
    events: list[tuple[date, str]] = []
    if student.decided_on and student.decided_tier:
        who = f" {words('tier_by', who=student.decided_by)}" if student.decided_by else ""
        events.append((student.decided_on, words("history_tier", tier=student.decided_tier) + who))
    for review in reviews:
        if review.reviewed_on:
            season = words.code("season", review.review_season)
            told = words("history_review", season=season)
            events.append((review.reviewed_on, f"{told}: {review.class_title}"))
    for referral in referrals:
        if referral.opened_date:
            domain = words.code("domain", referral.domain)
            told = words("history_opened", domain=domain, rule=referral.rule_id)
            events.append((referral.opened_date, told))
    return tuple(sorted(events, reverse=True))


@lru_cache
def _height(share: float) -> int:
    """Where a share stands in the sparkline's box, from the top."""
    lost = min((1 - share) / (1 - SPARK_FLOOR), 1)
    return round(SPARK_MARGIN + lost * (SPARK_HEIGHT - 2 * SPARK_MARGIN))


def _spark(weeks: "Sequence[Week]") -> str:
    """Draw the weeks as one SVG path, a step per week; a week without school is a gap."""
    path, drawing = [], False
    for place, week in enumerate(weeks):
        if week.share is None:
            drawing = False
            continue
        at = f"{place * SPARK_STEP} {_height(week.share)}"
        # A line from each first point to itself lets a week that stands alone show as a dot.
        path.append(f" {at}" if drawing else f"M{at}L{at}")
        drawing = True
    return "".join(path)


def _week_words(weeks: "Sequence[Week]", *, words: Words) -> str:
    if not any(week.share is not None for week in weeks):
        return words("no_attendance")
    told = (
        words("week_none") if week.share is None else number_text(int(week.share * 100 + 1e-9))
        for week in weeks
    )
    return words("week_words", weeks=", ".join(told))


def _by_letter(children: Sequence[Child]) -> list[tuple[str, list[Child]]]:
    """Group the ordered children under the first letter of the family name."""
    grouped = groupby(children, key=lambda child: first_letter(child.student.sort_name))
    return [(letter, list(group)) for letter, group in grouped]


def first_letter(name: str) -> str:
    """The letter to look a name up under, as names are ordered; '#' if it begins with none."""
    for character in folded(name):
        if character.isalpha():
            return character.upper()
    return "#"


def _classes(rows: "Sequence[ClassRow]") -> list[ReviewClass]:
    classes = []
    for _, group in groupby(rows, key=attrgetter("class_title", "class_key")):
        members = list(group)
        classes.append(
            ReviewClass(
                title=members[0].class_title,
                teachers=members[0].teacher_names or "",
                to_do=tuple(row for row in members if not row.is_reviewed),
                done=tuple(row for row in members if row.is_reviewed),
            )
        )
    return classes


def _due_kinds(rows: "Sequence[ReviewDue]") -> list[DueKind]:
    """Gather what falls due by kind; rows come ordered by kind, then by day."""
    kinds = []
    for kind, listed in groupby(rows, key=attrgetter("review_kind")):
        of_kind = tuple(listed)
        kinds.append(
            DueKind(
                kind=kind,
                next_step=of_kind[0].next_step,
                due=tuple(row for row in of_kind if row.is_due),
                later=tuple(row for row in of_kind if not row.is_due),
            )
        )
    return kinds


@lru_cache(maxsize=2**14)
def _why(signal: "Signal", *, words: Words) -> str:
    """Say where a need comes from: feed and day, rule and version, value and limit."""
    said = _origin(signal, words=words)
    if signal.value is None:
        return said
    limit = ""
    if signal.threshold is not None:
        sign = SIGNS.get(signal.comparison or "", signal.comparison or "")
        limit = f" {sign} {number_text(signal.threshold)}"
    return f"{said}: {number_text(signal.value)}{limit}"


@lru_cache(maxsize=2**14)
def _origin(signal: "Signal", *, words: Words) -> str:
    """Say where a sentence comes from: feed and day, rule and version."""
    said = _source(signal, words=words)
    if not signal.rule_id:
        return said
    return f"{said} \N{MIDDLE DOT} {_named(signal.rule_id, signal.rule_version, words=words)}"


@lru_cache(maxsize=2**14)
def _source(signal: "Signal", *, words: Words) -> str:
    """Say the feed a sentence comes from and how far it reached."""
    return _reached(signal.source_feed, signal.data_through, signal.as_of, words=words)


@lru_cache
def _reached(feed: str | None, through: date | None, as_of: date, *, words: Words) -> str:
    key, day = ("data_through", through) if through else ("data_as_of", as_of)
    return words(key, feed=words.code("feed", feed), day=words.brief_day(day))


@cache
def _named(rule_id: str, version: str, *, words: Words) -> str:
    said = words("rule", rule=rule_id)
    return f"{said} {words('version', version=version.lstrip('vV'))}" if version else said


def _evidence(referral: "Referral", *, words: Words) -> Iterator[str]:
    """Say the source of a need: its own rule first, then whatever else stands behind it."""
    yield _own_why(referral, words=words)
    for signal in referral.evidence:
        if signal.rule_id != referral.rule_id:
            yield f"{signal.wording} ({_why(signal, words=words)})"


def _decided(referral: "Referral", *, words: Words) -> Iterator[str]:
    """Say what was decided on earlier lists, the newest first."""
    return map(words.decided, referral.decisions[:DECISIONS_SHOWN])


def _own_why(referral: "Referral", *, words: Words) -> str:
    own = [signal for signal in referral.evidence if signal.rule_id == referral.rule_id]
    told = dict.fromkeys(_why(signal, words=words) for signal in own)
    return " · ".join(told) or _named(referral.rule_id, referral.rule_version, words=words)


def _usual_owner(queue: "Sequence[Referral]") -> str | None:
    """Find whose steps most of the queue is: said once instead of on every line."""
    owners = Counter(referral.owner for referral in queue if referral.owner)
    return min(owners, key=lambda owner: (-owners[owner], owner), default=None)


def _opened(referral: "Referral", *, words: Words) -> str:
    if referral.age_days is None:
        return words("open_unknown")
    return words.count("open_for", referral.age_days) if referral.age_days else words("open_new")


def _order(referral: "Referral", *, words: Words) -> str:
    """Say what put a need in its place: the parts of its priority, as the rules name them."""
    return f"{words('order_parts')}: {words.priority(referral.priority, leave_out=SAID_BESIDE)}"


def _about(student: "Student", *, words: Words) -> str:
    """Say the rest of what is known of a student in one line."""
    parts = [words("student_number", number=student.student_source_id)]
    if student.age_years is not None:
        parts.append(words.count("age", student.age_years))
    if student.home_language:
        parts.append(words("home_language", language=student.home_language))
    if student.attendance_band:
        parts.append(words("band", band=words.code("band", student.attendance_band)))
    return " · ".join(parts)


def _missed(student: "Student", *, words: Words) -> str:
    """Say how many days a student missed, and their share where there are enough to judge."""
    if student.days_enrolled is None or student.days_absent is None:
        return words("no_attendance")
    absent = number_text(student.days_absent)
    said = words("absent_of", absent=absent, enrolled=student.days_enrolled)
    if student.has_sufficient_days is False or student.absence_rate is None:
        return f"{said}, {words('too_few')}"
    return f"{said} ({words.percent(student.absence_rate, digits=1)})"


def _support(student: "Student", *, words: Words) -> str:
    active, waiting = student.services_active_count, student.services_waiting_count
    parts = [words.count("support_active", active)] if active else []
    parts += [words.count("support_waiting", waiting)] if waiting else []
    return ", ".join(parts) or words("support_none")
