"""The same list as a workbook, for those who sort, filter and write beside it.

Every cell has a type, text is never a formula or a link, and the same data gives the
same bytes: nothing in the file tells who made it or when.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wraparound.publishing.words import Words, short_grade, words_in

if TYPE_CHECKING:
    from wraparound.publishing.lists import ListData, Profile, Referral, Signal, Student

TEXT, WRAP, NUMBER, SHARE, DAY = "text", "wrap", "number", "share", "day"
FORMULA_LEADS = tuple("=+-@\t\r|%\uff1d\uff0b\uff0d\uff20")
LONGEST_TEXT = 32_767  # what a cell of the format can hold

Cells = Sequence[Any]


@dataclass(frozen=True)
class Column:
    """One column: the key of its heading, the type of its cells, its width in letters."""

    heading: str
    kind: str
    width: int


@dataclass(frozen=True)
class Sheet:
    """One sheet: the key of its name, its columns and its rows, in order."""

    name: str
    columns: tuple[Column, ...]
    rows: Iterator[Cells]


def write_workbook(data: "ListData", path: Path, *, language: str) -> None:
    """Write the workbook of one school to `path`."""
    import xlsxwriter

    words = words_in(language)
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        # Rows pass through temporary files: they stay in the folder that may hold them.
        "tmpdir": str(path.parent),
    }
    made_on = datetime.combine(data.school.as_of_date, time(), tzinfo=UTC).replace(tzinfo=None)
    with xlsxwriter.Workbook(str(path), options) as book:
        book.set_properties({"title": words("sheet_about"), "author": "", "created": made_on})
        styles = _styles(book)
        for sheet in _sheets(data, words=words):
            _fill(book, sheet, styles=styles, data=data, words=words)


def _styles(book: Any) -> dict[tuple[str, bool], Any]:
    """Make one format per type, and a second one for text that looks like a formula."""
    plain: dict[str, dict[str, Any]] = {
        TEXT: {"valign": "top"},
        WRAP: {"valign": "top", "text_wrap": True},
        NUMBER: {"valign": "top", "num_format": "General"},
        SHARE: {"valign": "top", "num_format": "0.0%"},
        DAY: {"valign": "top", "num_format": "yyyy-mm-dd", "align": "left"},
        "head": {
            "bold": True,
            "text_wrap": True,
            "valign": "top",
            "bg_color": "#E3E9EF",
            "bottom": 1,
        },
    }
    styles = {(kind, False): book.add_format(how) for kind, how in plain.items()}
    # The prefix keeps such text text also when somebody edits the cell.
    styles |= {
        (kind, True): book.add_format(how | {"quote_prefix": True}) for kind, how in plain.items()
    }
    return styles


def _fill(book: Any, sheet: Sheet, *, styles: Any, data: "ListData", words: Words) -> None:
    page = book.add_worksheet(words(sheet.name))
    for place, column in enumerate(sheet.columns):
        page.set_column(place, place, column.width, styles[column.kind, False])
        page.write_string(0, place, _heading(column, words=words), styles["head", False])
    last = 0
    for last, cells in enumerate(sheet.rows, start=1):
        for place, (column, value) in enumerate(zip(sheet.columns, cells, strict=True)):
            _write_cell(page, (last, place), value, kind=column.kind, styles=styles)
    page.freeze_panes(1, 0)
    page.autofilter(0, 0, last, len(sheet.columns) - 1)
    _set_up_print(page, data=data, words=words)


def _heading(column: Column, *, words: Words) -> str:
    kind, _, code = column.heading.partition(":")
    return words.code(kind, code) if code else words(column.heading)


def _write_cell(page: Any, at: tuple[int, int], value: Any, *, kind: str, styles: Any) -> None:
    """Write one value by its own type; what has none is left empty."""
    if value is None or value == "":
        return
    if isinstance(value, date):
        page.write_datetime(*at, datetime.combine(value, time()), styles[DAY, False])
    elif isinstance(value, int | float):
        style = kind if kind in (NUMBER, SHARE) else NUMBER
        page.write_number(*at, value, styles[style, False])
    else:
        text = str(value)[:LONGEST_TEXT]
        style = kind if kind in (TEXT, WRAP) else TEXT
        page.write_string(*at, text, styles[style, text.startswith(FORMULA_LEADS)])


def _set_up_print(page: Any, *, data: "ListData", words: Words) -> None:
    page.set_landscape()
    page.set_paper(1)  # US Letter
    page.fit_to_pages(1, 0)
    page.repeat_rows(0)
    page.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.6)
    # An ampersand opens a code in a footer; two are one.
    school = data.school.school_name.replace("&", "&&")[:120]
    day = words.short_day(data.school.as_of_date)
    page.set_footer(f"&L{school} · {day}&R&P / &N")


def _sheets(data: "ListData", *, words: Words) -> tuple[Sheet, ...]:
    return (
        Sheet("sheet_today", TODAY_COLUMNS, _today_rows(data, words=words)),
        Sheet("sheet_referrals", REFERRAL_COLUMNS, _referral_rows(data, words=words)),
        Sheet("sheet_students", STUDENT_COLUMNS, _student_rows(data, words=words)),
        Sheet("sheet_needs", NEED_COLUMNS, _need_rows(data, words=words)),
        Sheet("sheet_classes", CLASS_COLUMNS, _class_rows(data, words=words)),
        Sheet("sheet_reviews", REVIEW_COLUMNS, _review_rows(data, words=words)),
        Sheet("sheet_about", ABOUT_COLUMNS, _about_rows(data, words=words)),
    )


TODAY_COLUMNS = (
    Column("x_kind", TEXT, 14),
    Column("x_student", WRAP, 26),
    Column("x_what", WRAP, 70),
    Column("x_date", DAY, 12),
)


def _today_rows(data: "ListData", *, words: Words) -> Iterator[Cells]:
    for item in data.today:
        yield (
            words.code("today", item.item_kind),
            item.student_name,
            item.item_text,
            item.item_date,
        )


REFERRAL_COLUMNS = (
    Column("x_place", NUMBER, 7),
    Column("x_student", WRAP, 24),
    Column("x_number", TEXT, 16),
    Column("x_grade", TEXT, 7),
    Column("x_domain", TEXT, 17),
    Column("x_level", TEXT, 12),
    Column("x_need", WRAP, 46),
    Column("x_services", WRAP, 46),
    Column("x_consent", TEXT, 18),
    Column("x_state", TEXT, 14),
    Column("x_days_in_state", NUMBER, 9),
    Column("x_next", WRAP, 26),
    Column("x_due", DAY, 11),
    Column("x_overdue", TEXT, 9),
    Column("x_new", TEXT, 7),
    Column("x_owner", WRAP, 18),
    Column("x_opened", DAY, 11),
    Column("x_age", NUMBER, 8),
    Column("x_source", TEXT, 14),
    Column("x_through", DAY, 12),
    Column("x_rule", TEXT, 14),
    Column("x_version", TEXT, 9),
    Column("x_order", WRAP, 30),
    Column("x_notes", WRAP, 30),
)


def _referral_rows(data: "ListData", *, words: Words) -> Iterator[Cells]:
    for referral in data.queue:
        own = _own_signal(referral)
        yield (
            referral.referral_rank,
            referral.student_name,
            referral.student_source_id,
            short_grade(referral.grade_level),
            words.code("domain", referral.domain),
            words.code("level", referral.level),
            referral.wording,
            _services_text(referral, words=words),
            words.code("consent", referral.consent_status),
            words.code("state", referral.state),
            referral.days_in_state,
            referral.next_step,
            referral.due_date,
            words.yes_no(referral.is_overdue),
            words.yes_no(referral.is_new),
            words.code("owner", referral.owner),
            referral.opened_date,
            referral.age_days,
            words.code("feed", own.source_feed) if own else "",
            own.data_through if own else None,
            referral.rule_id,
            referral.rule_version,
            words.priority(referral.priority, leave_out=frozenset()),
            None,
        )


def _own_signal(referral: "Referral") -> "Signal | None":
    """Find the signal of the rule that opened the need, or the first one there is."""
    own = [signal for signal in referral.evidence if signal.rule_id == referral.rule_id]
    return next(iter(own or referral.evidence), None)


def _services_text(referral: "Referral", *, words: Words) -> str:
    return "\n".join(
        "; ".join(part for part in _service_parts(service, words=words) if part)
        for service in referral.services
    )


def _service_parts(service: Any, *, words: Words) -> tuple[str, ...]:
    return (
        service.service_name,
        service.organization_name or "",
        words.schedule(service.schedule or ""),
        words.places(service.capacity_state, service.places_free),
        service.reason or "",
    )


STUDENT_COLUMNS = (
    Column("x_student", WRAP, 26),
    Column("x_number", TEXT, 16),
    Column("x_grade", TEXT, 7),
    Column("x_homeroom", TEXT, 12),
    Column("x_language", TEXT, 12),
    Column("x_strengths", WRAP, 40),
    Column("domain:academics", TEXT, 14),
    Column("domain:social_emotional_behavioral", TEXT, 16),
    Column("domain:health", TEXT, 14),
    Column("domain:family", TEXT, 14),
    Column("x_missed", SHARE, 9),
    Column("x_absent", NUMBER, 9),
    Column("x_enrolled", NUMBER, 9),
    Column("x_band", TEXT, 22),
    Column("x_tier", TEXT, 9),
    Column("x_tier_on", DAY, 11),
    Column("x_tier_by", WRAP, 18),
    Column("x_suggested", TEXT, 10),
    Column("x_reasons", WRAP, 46),
    Column("x_active", NUMBER, 9),
    Column("x_waiting", NUMBER, 9),
    Column("x_open", NUMBER, 9),
    Column("x_held", TEXT, 9),
    Column("x_notes", WRAP, 30),
)
DOMAINS = ("academics", "social_emotional_behavioral", "health", "family")


def _student_rows(data: "ListData", *, words: Words) -> Iterator[Cells]:
    for student in data.students:
        levels = {
            profile.domain: profile.level for profile in data.profiles.get(student.student_key, ())
        }
        yield (
            student.sort_name,
            student.student_source_id,
            short_grade(student.grade_level),
            student.homeroom,
            student.home_language,
            student.strengths_summary,
            *(words.code("level", levels.get(domain, "not_known")) for domain in DOMAINS),
            student.absence_rate,
            student.days_absent,
            student.days_enrolled,
            words.code("band", student.attendance_band),
            student.decided_tier or words("tier_none"),
            student.decided_on,
            student.decided_by,
            words.code("level", student.suggested_tier),
            "\n".join(student.suggested_tier_reasons),
            student.services_active_count,
            student.services_waiting_count,
            student.open_need_count,
            words.yes_no(student.is_held),
            None,
        )


NEED_COLUMNS = (
    Column("x_student", WRAP, 26),
    Column("x_number", TEXT, 16),
    Column("x_grade", TEXT, 7),
    Column("x_domain", TEXT, 17),
    Column("x_level", TEXT, 14),
    Column("x_kind", TEXT, 11),
    Column("x_sentence", WRAP, 60),
    Column("x_value", NUMBER, 10),
    Column("x_comparison", TEXT, 14),
    Column("x_threshold", NUMBER, 10),
    Column("x_rule", TEXT, 14),
    Column("x_version", TEXT, 9),
    Column("x_source", TEXT, 14),
    Column("x_through", DAY, 12),
)


def _need_rows(data: "ListData", *, words: Words) -> Iterator[Cells]:
    for student in data.students:
        for profile in data.profiles.get(student.student_key, ()):
            yield from _profile_rows(student, profile, words=words)


def _profile_rows(student: "Student", profile: "Profile", *, words: Words) -> Iterator[Cells]:
    """One row per sentence, strengths first; a domain without any still has its row."""
    head = (
        student.sort_name,
        student.student_source_id,
        short_grade(student.grade_level),
        words.code("domain", profile.domain),
        words.code("level", profile.level),
    )
    signals = (*profile.strengths, *profile.needs, *profile.context)
    for signal in signals:
        yield (
            *head,
            words.code("kind", signal.kind),
            signal.wording,
            signal.value,
            words.code("comparison", signal.comparison),
            signal.threshold,
            signal.rule_id,
            signal.rule_version,
            words.code("feed", signal.source_feed),
            signal.data_through,
        )
    if not signals:
        yield (*head, *(None,) * (len(NEED_COLUMNS) - len(head)))


CLASS_COLUMNS = (
    Column("x_class", WRAP, 28),
    Column("x_teacher", WRAP, 26),
    Column("x_student", WRAP, 26),
    Column("x_number", TEXT, 16),
    Column("x_grade", TEXT, 7),
    Column("x_season", TEXT, 10),
    Column("x_reviewed", TEXT, 10),
    Column("x_reviewed_on", DAY, 12),
    Column("x_tier", TEXT, 10),
    Column("x_notes", WRAP, 40),
)


def _class_rows(data: "ListData", *, words: Words) -> Iterator[Cells]:
    for row in data.class_rosters:
        yield (
            row.class_title,
            row.teacher_names,
            row.sort_name,
            row.student_source_id,
            short_grade(row.grade_level),
            words.code("season", row.review_season),
            words.yes_no(row.is_reviewed),
            row.reviewed_on,
            row.decided_tier,
            None,
        )


REVIEW_COLUMNS = (
    Column("x_kind", TEXT, 22),
    Column("x_student", WRAP, 26),
    Column("x_number", TEXT, 16),
    Column("x_grade", TEXT, 7),
    Column("x_tier", TEXT, 10),
    Column("x_counted", DAY, 12),
    Column("x_due", DAY, 12),
    Column("x_overdue", TEXT, 9),
    Column("x_next", WRAP, 46),
    Column("x_notes", WRAP, 40),
)


def _review_rows(data: "ListData", *, words: Words) -> Iterator[Cells]:
    for row in data.reviews_due:
        yield (
            words.code("review", row.review_kind),
            row.sort_name,
            row.student_source_id,
            short_grade(row.grade_level),
            row.decided_tier,
            row.counted_from,
            row.due_date,
            words.yes_no(row.is_overdue),
            row.next_step,
            None,
        )


ABOUT_COLUMNS = (Column("x_topic", WRAP, 30), Column("x_says", WRAP, 100))


def _about_rows(data: "ListData", *, words: Words) -> Iterator[Cells]:
    yield (words("a_school"), data.school.school_name)
    yield (words("a_day"), data.school.as_of_date)
    yield (words("a_release"), data.release_id)
    yield (words("a_verdict"), words.code("verdict", data.verdict.word))
    if data.verdict.word == "hold":
        day = words.day(data.school.as_of_date)
        yield (words("a_verdict"), words("hold_head", day=day) + " " + words("hold_who"))
    for finding in data.verdict.findings:
        yield (words("a_finding"), finding.message)
    for feed in data.school.feeds:
        name = words("a_feed", feed=words.code("feed", feed.feed))
        yield (
            name,
            words.freshness(feed.data_through, feed.last_loaded_on, is_stale=feed.is_stale),
        )
    for key in ("today", "referrals", "students", "tier", "nothing"):
        yield (words("a_read"), words(f"a_read_{key}"))
    yield (words("a_read"), words("a_private"))
