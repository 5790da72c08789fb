"""Questions about children's lists."""

import dataclasses
import json
from pathlib import Path

import click

from wraparound.cli.door import main
from wraparound.cli.telling import (
    as_json,
    asked_by_option,
    by_option,
    read,
    reason_option,
    show,
    warehouse,
)


@main.group()
def rules() -> None:
    """The rules that make needs, levels and tiers: what an edit would change."""


@rules.command("diff")
@click.option(
    "--seeds",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder with edited CSV files; default is what stands in dbt_project/seeds.",
)
@click.option("--students", is_flag=True, help="Name our keys of the children who would move.")
@as_json
def rules_diff(*, seeds: Path | None, students: bool, json_wanted: bool) -> None:
    """Say who would move if edited rules or settings took effect; change nothing.

    Compared with the last build: by school, suggested tiers, levels of each domain, and needs
    in the queue. The next `wraparound build` puts what stands in dbt_project/seeds into effect.
    """
    from wraparound.orchestration.rules_diff import rules_diff as compare

    found = compare(warehouse(), seeds=seeds, keys_wanted=students)
    if json_wanted:
        click.echo(json.dumps(dataclasses.asdict(found), indent=2))
        return
    for setting, before, after in found.settings:
        click.echo(f"Setting {setting}: {before or '(preset)'} -> {after or '(preset)'}")
    for rule in found.unversioned:
        click.echo(f"Rule {rule} says something else under its old version: raise the version.")
    columns = ["school_source_id", "what", "before", "after", "count"]
    rows = [dataclasses.asdict(move) for move in found.moves]
    for row in rows:
        row["student_keys"] = ", ".join(map(str, row["student_keys"]))
    show(
        rows,
        columns=[*columns, *(["student_keys"] if students else [])],
        json_wanted=False,
        empty=f"Nobody moves{'' if found.is_changed else ': no rule or setting differs'}.",
    )


@main.command()
@click.argument("student_id")
@click.argument("service_id")
@as_json
def why(*, student_id: str, service_id: str, json_wanted: bool) -> None:
    """Why a service stands on a student's list, or does not: every criterion, place and line.

    STUDENT_ID is the roster's, SERVICE_ID the directory's. No name is printed.
    """
    from wraparound.orchestration import explaining

    answers = explaining.why(warehouse(), student=student_id, service=service_id)
    if json_wanted:
        click.echo(json.dumps([dataclasses.asdict(a) for a in answers], default=str, indent=2))
        return
    if not answers:
        click.echo("The student has no open need.")
    for answer in answers:
        click.echo(f"{answer.rule_id}: {answer.verdict}")
        for one in answer.criteria:
            failed = "prefers" if one.effect == "prefer" else "FAILS"
            mark = "ok" if one.is_met else failed
            text = "" if one.is_met else f"  {one.failed_wording}"
            click.echo(f"  {mark:<8} {one.criterion:<15}{text}")


@main.command()
@as_json
def directory(*, json_wanted: bool) -> None:
    """What a person should look at in the providers' directory: doubles, gaps, lost parents."""
    from wraparound.orchestration import explaining

    show(
        explaining.directory_findings(warehouse()),
        columns=("finding", "entity", "entity_id", "other_id"),
        json_wanted=json_wanted,
        empty="Nothing to look at.",
    )


@main.command()
@click.argument("service_id")
@as_json
def line(*, service_id: str, json_wanted: bool) -> None:
    """Who has a suggested place at a service, and who waits: no. 1 is next. By ids alone."""
    from wraparound.orchestration import explaining

    show(
        explaining.line_at(warehouse(), service=service_id),
        columns=("place_outcome", "line_number", "student_source_id", "school_source_id", "level"),
        json_wanted=json_wanted,
        empty="Nobody has a place there, and nobody waits.",
    )


@main.command()
@as_json
def gaps(*, json_wanted: bool) -> None:
    """Which services are missing: needs without one, or without a place, by school and area."""
    from wraparound.orchestration import explaining

    show(
        explaining.service_gaps(warehouse()),
        columns=(
            "school_source_id",
            "postal_code",
            "category_label",
            "need_count",
            "without_service_count",
            "without_place_count",
        ),
        json_wanted=json_wanted,
        empty="No need is open.",
    )


@main.group()
def student() -> None:
    """Ids that look like another child's: whose they are, as a person says.

    What was told of such an id before is not shown until somebody answers. An answer may be
    given again, the other way; the next night builds by it.
    """


@student.command("list")
@as_json
def student_list(*, json_wanted: bool) -> None:
    """List the ids that wait for an answer, without names."""
    from wraparound.warehouse import identities

    show(
        read(identities.questions),
        columns=("student_source_id", "told_since_date"),
        json_wanted=json_wanted,
        empty="No id waits for an answer.",
    )


@student.command("export")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="The folder."
)
@asked_by_option
def student_export(*, out: Path, by: str) -> None:
    """Write both children of each id that waits, as CSV: names and birth dates.

    The file holds personal data: only its owner may read it, and who asked is recorded.
    """
    from wraparound.orchestration.whose import export_questions

    done = export_questions(warehouse(), folder=out, by=by)
    click.echo(f"{done.row_count:>8,} ids  {done.path}" if done else "No id waits for an answer.")


def _answer(student_ids: tuple[str, ...], *, is_same: bool, by: str, reason: str) -> None:
    from wraparound.orchestration.whose import answer

    answer(warehouse(), student_ids, is_same=is_same, by=by, reason=reason)
    click.echo("Recorded. The next night, or `wraparound publish`, shows it on the lists.")


@student.command("same")
@click.argument("student_ids", nargs=-1, required=True)
@by_option
@reason_option
def student_same(*, student_ids: tuple[str, ...], by: str, reason: str) -> None:
    """Say that the ids belong to the children who had them before: all is shown again."""
    _answer(student_ids, is_same=True, by=by, reason=reason)


@student.command("another")
@click.argument("student_ids", nargs=-1, required=True)
@by_option
@reason_option
def student_another(*, student_ids: tuple[str, ...], by: str, reason: str) -> None:
    """Say that the ids belong to other children now: what was told before is not theirs."""
    _answer(student_ids, is_same=False, by=by, reason=reason)
