"""The same list as a workbook, for those who sort and filter, and to send decisions back in.

Every cell has a type, text is never a formula or a link, and the same data gives the
same bytes: nothing in the file tells who made it or when.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wraparound.contracts.loader import contract_of
from wraparound.landing.returned import MARK, row_mark
from wraparound.publishing.pages import notices_of
from wraparound.publishing.words import Words, short_grade, words_in
from wraparound.publishing.xlsx import (
    DAY,
    NUMBER,
    SHARE,
    TEXT,
    WRAP,
    Cells,
    Column,
    Sheet,
    fitted,
    write_book,
)

if TYPE_CHECKING:
    from wraparound.publishing.lists import ListData, Profile, Referral, Signal, Student


def write_workbook(data: "ListData", path: Path, *, language: str) -> None:
    """Write the workbook of one school to `path`."""
    words = words_in(language)
    # An ampersand opens a code in a footer; two are one.
    school = data.school.school_name.replace("&", "&&")[:120]
    day = words.short_day(data.school.as_of_date)
    write_book(
        path,
        [_named(sheet, words=words) for sheet in _sheets(data, words=words)],
        title=words("sheet_about"),
        made_on=data.school.as_of_date,
        footer=f"&L{school} · {day}&R&P / &N",
    )


def _named(sheet: Sheet, *, words: Words) -> Sheet:
    """The sheet with its name and headings in the reader's words; hidden ones keep theirs."""
    columns = tuple(
        column if column.is_hidden else replace(column, heading=_heading(column, words=words))
        for column in sheet.columns
    )
    until = words(sheet.printed_until) if sheet.printed_until else ""
    return replace(sheet, name=words(sheet.name), columns=columns, printed_until=until)


def _heading(column: Column, *, words: Words) -> str:
    kind, _, code = column.heading.partition(":")
    return words.code(kind, code) if code else words(column.heading)


def _sheets(data: "ListData", *, words: Words) -> tuple[Sheet, ...]:
    return (
        Sheet("sheet_today", TODAY_COLUMNS, _today_rows(data, words=words)),
        Sheet(
            "sheet_referrals",
            (*REFERRAL_COLUMNS, *_decision_columns(data, words=words), *HIDDEN_COLUMNS),
            _referral_rows(data, words=words),
            is_protected=True,
            printed_until="x_due",
        ),
        Sheet(
            "sheet_students",
            STUDENT_COLUMNS,
            _student_rows(data, words=words),
            printed_until="x_suggested",
        ),
        Sheet(
            "sheet_needs",
            NEED_COLUMNS,
            _need_rows(data, words=words),
            printed_until="x_sentence",
        ),
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


# What is read on paper comes first: the print area ends with the day on which a step is due.
REFERRAL_COLUMNS = (
    Column("x_place", NUMBER, 7),
    Column("x_student", WRAP, 24),
    Column("x_grade", TEXT, 7),
    Column("x_level", TEXT, 12),
    Column("x_need", WRAP, 46),
    Column("x_services", WRAP, 46),
    Column("x_next", WRAP, 26),
    Column("x_due", DAY, 11),
    Column("x_overdue", TEXT, 9),
    Column("x_consent", TEXT, 18),
    Column("x_state", TEXT, 14),
    Column("x_days_in_state", NUMBER, 9),
    Column("x_number", TEXT, 16),
    Column("x_domain", TEXT, 17),
    Column("x_new", TEXT, 7),
    Column("x_owner", WRAP, 18),
    Column("x_opened", DAY, 11),
    Column("x_age", NUMBER, 8),
    Column("x_source", TEXT, 14),
    Column("x_through", DAY, 12),
    Column("x_rule", TEXT, 14),
    Column("x_version", TEXT, 9),
    Column("x_order", WRAP, 30),
    Column("x_decided", WRAP, 34),
)
# What comes back with a decision, to be recognised by: never read for anything else.
HIDDEN_COLUMNS = tuple(
    Column(name, TEXT, 12, is_hidden=True)
    for name in (
        *("need_id", "release_id", "student_id", "school_id", "rule_id", "domain"),
        *("service_ids", MARK),
    )
)
INITIALS_MAX = 12


def _decision_columns(data: "ListData", *, words: Words) -> tuple[Column, ...]:
    """The columns that may be written to and are read when the workbook comes back."""

    def choices(column: str) -> tuple[str, ...]:
        offered = contract_of("decisions").tables["decisions"].columns[column].words
        return tuple(words.code(column, code) for code in offered)

    return (
        Column("x_decision", TEXT, 20, is_open=True, choices=choices("decision")),
        Column("x_service", WRAP, 24, is_open=True, choices=("1", "2", "3"), is_free=True),
        Column("x_reason", WRAP, 24, is_open=True, choices=choices("reason")),
        Column("x_decided_on", DAY, 12, is_open=True, earliest=data.school.as_of_date),
        Column("x_decided_by", TEXT, 10, is_open=True, longest=INITIALS_MAX),
        Column("x_notes", WRAP, 30, is_open=True),
    )


def _referral_rows(data: "ListData", *, words: Words) -> Iterator[Cells]:
    for referral in data.queue:
        shown = _referral_cells(referral, words=words)
        yield (
            *shown,
            *(None,) * 6,
            referral.need_id,
            data.release_id,
            referral.student_source_id,
            data.school.school_source_id,
            referral.rule_id,
            referral.domain,
            ",".join(service.service_id for service in referral.services),
            row_mark([_shown_text(value) for value in shown]),
        )


def _shown_text(value: Any) -> str:
    """A cell as it is read back."""
    if isinstance(value, date):
        return value.isoformat()
    return "" if value is None else fitted(str(value)).strip()


def _referral_cells(referral: "Referral", *, words: Words) -> Cells:
    own = _own_signal(referral)
    return (
        referral.referral_rank,
        referral.student_name,
        short_grade(referral.grade_level),
        words.code("level", referral.level),
        referral.wording,
        _services_text(referral, words=words),
        referral.next_step,
        referral.due_date,
        words.yes_no(referral.is_overdue),
        words.code("consent", referral.consent_status),
        words.code("state", referral.state),
        referral.days_in_state,
        referral.student_source_id,
        words.code("domain", referral.domain),
        words.yes_no(referral.is_new),
        words.code("owner", referral.owner),
        referral.opened_date,
        referral.age_days,
        words.code("feed", own.source_feed) if own else "",
        own.data_through if own else None,
        referral.rule_id,
        referral.rule_version,
        words.priority(referral.priority, leave_out=frozenset()),
        "\n".join(map(words.decided, referral.decisions)),
    )


def _own_signal(referral: "Referral") -> "Signal | None":
    """Find the signal of the rule that opened the need, or the first one there is."""
    own = [signal for signal in referral.evidence if signal.rule_id == referral.rule_id]
    return next(iter(own or referral.evidence), None)


def _services_text(referral: "Referral", *, words: Words) -> str:
    """The services by number, as the column for the one chosen takes them."""
    return "\n".join(
        f"{place}. " + "; ".join(part for part in _service_parts(each, words=words) if part)
        for place, each in enumerate(referral.services, start=1)
    )


def _service_parts(service: Any, *, words: Words) -> tuple[str, ...]:
    return (
        service.service_name,
        service.organization_name or "",
        words.schedule(service.schedule or ""),
        words.places(service.capacity_state, service.places_free),
        words.fit(service),
    )


STUDENT_COLUMNS = (
    Column("x_student", WRAP, 26),
    Column("x_grade", TEXT, 7),
    Column("x_homeroom", TEXT, 12),
    Column("x_strengths", WRAP, 40),
    Column("domain:academics", TEXT, 14),
    Column("domain:social_emotional_behavioral", TEXT, 16),
    Column("domain:health", TEXT, 14),
    Column("domain:family", TEXT, 14),
    Column("x_missed", SHARE, 9),
    Column("x_tier", TEXT, 9),
    Column("x_suggested", TEXT, 10),
    Column("x_number", TEXT, 16),
    Column("x_language", TEXT, 12),
    Column("x_absent", NUMBER, 9),
    Column("x_enrolled", NUMBER, 9),
    Column("x_band", TEXT, 22),
    Column("x_tier_on", DAY, 11),
    Column("x_tier_by", WRAP, 18),
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
            short_grade(student.grade_level),
            student.homeroom,
            student.strengths_summary,
            *(words.code("level", levels.get(domain, "not_known")) for domain in DOMAINS),
            student.absence_rate,
            student.decided_tier or words("tier_none"),
            words.code("level", student.suggested_tier),
            student.student_source_id,
            student.home_language,
            student.days_absent,
            student.days_enrolled,
            words.code("band", student.attendance_band),
            student.decided_on,
            student.decided_by,
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
    Column("x_next", WRAP, 36),
    Column("x_notes", WRAP, 28),
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
    for notice in notices_of(data, words=words):
        yield (words("a_verdict"), notice.head)
        yield from ((words("a_finding"), line) for line in notice.lines)
        yield (words("a_verdict"), notice.tail)
    for feed in data.school.feeds:
        name = words("a_feed", feed=words.code("feed", feed.feed))
        said = words.freshness(feed.data_through, feed.last_loaded_on, is_stale=feed.is_stale)
        note = words.feed_note(feed.note, feed.note_day)
        yield (name, f"{said} \N{MIDDLE DOT} {note}" if note else said)
    for key in ("today", "referrals", "students", "tier", "decide"):
        yield (words("a_read"), words(f"a_read_{key}"))
    yield (words("a_read"), words("a_private"))
