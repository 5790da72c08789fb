"""Ten invented children with different stories, and the page that shows their profiles."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from wraparound.district import DistrictPlan, make_district
from wraparound.orchestration import following
from wraparound.publishing.profile_text import profile_text
from wraparound.settings import Settings
from wraparound.warehouse.connection import Connection, Row, connect

# The page is of this district and no other: real children never stand on it.
PLAN = DistrictPlan(schools=4, students=300, seed=1, school_year=2026, through=date(2026, 2, 20))
PAGE = "docs/ten-children.md"
HEAD = """<!-- made by `wraparound district examples`; edit the models or that command -->
# Ten children

Ten invented children of a synthetic district on {as_of}, each as a coordinator reads them. The
first of a kind was taken, in the order of their ids. Every sentence comes from a rule of
`dbt_project/seeds/need_rules.csv`, with the number that was found and the limit it was held
against. What is not known is said to be not known. `wraparound district examples` makes this page
again; a test holds that it is the one that the models give.
"""


@dataclass(frozen=True)
class Story:
    """A kind of child: heading, why it is worth a look, and the condition in SQL.

    The condition speaks of `s` (rpt_students) and may ask `has(rule_id)` of the signals.
    """

    title: str
    lead: str
    condition: str


# A signal of a rule, at a level or at any.
SIGNAL = """
    exists (select 1 from marts.fct_signals g
        where g.student_key = s.student_key and g.school_key = s.school_key
            and g.rule_id = any ('{{{rules}}}') and g.concern_level = any ('{{{levels}}}'))
"""


def _has(*rules: str, level: str = "mild,moderate,severe") -> str:
    return SIGNAL.format(rules=",".join(rules), levels=level)


STORIES = (
    Story(
        "Strong, and seen",
        "Nobody asks for anything here, and the child is on the list all the same.",
        "s.suggested_tier = '1' and s.decided_tier = '1' and s.open_need_count = 0",
    ),
    Story(
        "Two schools in one year",
        "Absences are added up over both schools; starting anew at the second would hide them.",
        "s.attendance_band <> 'satisfactory' and (select count(*) from"
        " marts.fct_attendance_to_date a where a.student_key = s.student_key"
        " and a.scope = 'school' and a.days_enrolled > 0) > 1",
    ),
    Story(
        "Failing in the middle grades",
        "Marks fall in several courses at once.",
        f"s.grade_level in ('05', '06', '07', '08') and {_has('GR-01', level='severe')}",
    ),
    Story(
        "Suspended",
        "Events are counted, and days out of school are absences.",
        _has("SB-02"),
    ),
    Story(
        "People say more than the numbers",
        "The review stands. The suggestion stands beside it and changes nothing.",
        "s.tier_difference = 'less_support' and s.decided_tier = '3'",
    ),
    Story(
        "The numbers say more than people",
        "A question for the next review, not a decision.",
        "s.tier_difference = 'more_support' and s.suggested_tier = '3'",
    ),
    Story(
        "Learning to read",
        "A benchmark in the first grades.",
        f"s.grade_level in ('KG', '01', '02') and {_has('AS-03', level='moderate')}",
    ),
    Story(
        "Off track in grade 9",
        "Failed core courses and missing credits speak before graduation is near.",
        _has("GR-05", "GR-06", level="moderate"),
    ),
    Story(
        "A screening without a follow-up",
        "Flags of the school nurse, without any clinical word.",
        _has("HE-01"),
    ),
    Story(
        "What this list does not tell",
        "This child is in a program for homeless students. The scope is withheld: no sentence,"
        " level, tier or queue row knows of it, and the district's liaison does.",
        "exists (select 1 from intermediate.int_programs_active p"
        " where p.student_key = s.student_key and p.program_kind = 'homeless')",
    ),
)

# Canary children stand nowhere but in the tables they belong in.
CHOOSE = """
    select s.* from reports.rpt_students s
    where {condition} and s.student_key <> all(%s)
        and s.student_source_id not like '%%canary%%'
    order by s.student_source_id collate "C", s.school_key limit 1
"""


def write_examples(settings: Settings) -> list[Path]:
    """Make the district in a warehouse of its own, build it, and write the pages over it."""
    from wraparound.orchestration import nights

    with _own_warehouse(settings) as own, TemporaryDirectory(prefix="examples-") as folder:
        make_district(PLAN, Path(folder))
        nights.land(own, [Path(folder)])
        nights.ingest(own)
        nights.build(own, as_of=PLAN.through)
        with connect(own) as connection:
            files = example_files(connection)
    for name, text in files.items():
        (settings.project_root / name).write_text(text, encoding="utf-8")
    return [settings.project_root / name for name in files]


def example_files(connection: Connection) -> dict[str, str]:
    """Return what is shown of the district, by its place in the project."""
    return {PAGE: examples_page(connection), **following.followed_files(connection)}


@contextmanager
def _own_warehouse(settings: Settings) -> Iterator[Settings]:
    from wraparound.warehouse import embedded

    with TemporaryDirectory(prefix="examples-", ignore_cleanup_errors=True) as home:
        own = replace(settings, home=Path(home), warehouse_url=None)
        own.make_folders()
        try:
            yield own
        finally:
            embedded.down(own)


def examples_page(connection: Connection) -> str:
    """Return the page over a warehouse in which the plan's district was built."""
    taken: list[int] = []
    parts = [HEAD.format(as_of=PLAN.through.isoformat())]
    for number, story in enumerate(STORIES, start=1):
        student = connection.execute(
            CHOOSE.format(condition=story.condition),
            [taken],
        ).fetchone()
        if student is None:
            raise LookupError(f"No child of the example district fits: {story.title}")
        taken.append(student["student_key"])
        parts.append(f"## {number}. {story.title}\n\n{story.lead}\n")
        parts.append(_profile(connection, student))
    return "\n".join(parts)


def _profile(connection: Connection, student: Row) -> str:
    profiles = connection.execute(
        "select * from reports.rpt_need_profiles where student_key = %s and school_key = %s",
        [student["student_key"], student["school_key"]],
    ).fetchall()
    return profile_text(student, profiles=profiles)
