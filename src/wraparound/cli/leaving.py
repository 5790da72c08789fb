"""What left, and why: releases, deliveries, packets, disclosures, destruction."""

import dataclasses
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from wraparound.cli.door import main
from wraparound.cli.telling import (
    DAY,
    as_json,
    by_option,
    day_of,
    read,
    reason_option,
    say,
    show,
    tell_schools,
    warehouse,
)


@main.group()
def release() -> None:
    """What was published: immutable, numbered, and reversible."""


def _released(line: Any) -> dict[str, Any]:
    return dataclasses.asdict(line)


@release.command("list")
@as_json
def release_list(*, json_wanted: bool) -> None:
    """List the releases, newest first."""
    from wraparound.publishing.releases import list_releases

    lines = [_released(line) for line in read(list_releases)]
    if json_wanted:
        click.echo(json.dumps(lines, default=str, indent=2))
        return
    rows = [
        {
            "release_id": line["release_id"],
            "as_of_date": line["as_of_date"],
            "state": line["state"],
            "live": sum(school["live"] for school in line["schools"]),
            "held": sum(school["verdict"] == "hold" for school in line["schools"]),
            "tables": "pinned" if line["pinned"] else "kept" if line["is_kept"] else "pruned",
        }
        for line in lines
    ]
    show(
        rows,
        columns=("release_id", "as_of_date", "state", "live", "held", "tables"),
        json_wanted=False,
        empty="Nothing has been published yet.",
    )


@release.command("show")
@click.argument("release_id", type=int)
@as_json
def release_show(*, release_id: int, json_wanted: bool) -> None:
    """One release: its schools, verdicts and reasons."""
    from wraparound.publishing.releases import show_release

    line = _released(read(show_release, release_id=release_id))
    if json_wanted:
        click.echo(json.dumps(line, default=str, indent=2))
        return
    tell_schools(line, says_live=True)


@release.command("pin")
@click.argument("release_id", type=int)
@click.option("--off", is_flag=True, help="Let it be pruned again when its time comes.")
@by_option
@reason_option
def release_pin(*, release_id: int, off: bool, by: str, reason: str) -> None:
    """Keep the tables of a release, however many come after it.

    Without a pin the newest are kept, as many as `keep_releases` of the district file says, and
    those that a school still sees. What is past its retention is destroyed all the same.
    """
    from wraparound.publishing.releases import pin

    read(pin, release_id=release_id, pinned=not off, by=by, reason=reason)
    told = "is pruned when its time comes" if off else "is kept until the pin is taken off"
    click.echo(f"Release {release_id} {told}.")


@release.command("rollback")
@click.argument("release_id", type=int, required=False)
@click.option("--school", "schools", multiple=True, help="Only this school (its source id).")
def release_rollback(*, release_id: int | None, schools: tuple[str, ...]) -> None:
    """Point schools back at an earlier release (default: the one before the live one).

    They stay there until a later release passes their gate; the same one is shown to them again
    only by naming it here.
    """
    from wraparound.orchestration import nights

    moved = nights.roll_back(warehouse(), release_id=release_id, schools=schools or None)
    for school_source_id, number in sorted(moved.items()):
        click.echo(f"{school_source_id}: release {number} is live")


@release.command("withdraw")
@click.argument("school")
@by_option
@reason_option
def release_withdraw(*, school: str, by: str, reason: str) -> None:
    """Take away the list of a school that closed (its source id).

    A school without students is held, and keeps its last good list, until somebody says this.
    Copies that were sent elsewhere are not reached by it.
    """
    from wraparound.orchestration import nights

    nights.withdraw(warehouse(), school=school, by=by, reason=reason)
    click.echo(f"{school} shows no list any more.")


@release.command("replay")
@click.argument("release_id", type=int)
@as_json
def release_replay(*, release_id: int, json_wanted: bool) -> None:
    """Make a release anew from the archive, and compare every report with what was frozen.

    In a scratch database, which takes as long as a first night; nothing that anybody sees
    changes. Exit 6 if a report differs.
    """
    from wraparound.orchestration.replaying import must_be_same, replay_release

    say("loading the archive as that night had it, and building; this takes a while")
    replayed = replay_release(warehouse(), release_id)
    rows = [dataclasses.asdict(one) for one in replayed.reports]
    show(
        rows if json_wanted else [row for row in rows if not row["same"]],
        columns=("table", "rows", "rows_long", "same"),
        json_wanted=json_wanted,
        empty=f"All {len(rows)} reports of release {release_id} are what the archive gives.",
    )
    must_be_same(replayed)


@release.command("approve")
@click.option("--school", required=True, help="The school's source id.")
@by_option
@reason_option
@click.option("--rule", help="Only this rule; default is every rule that holds it now.")
@click.option("--until", type=DAY, help="The last day on which it counts; default is today.")
def release_approve(
    *, school: str, by: str, reason: str, rule: str | None, until: datetime | None
) -> None:
    """Lift the hold of a school for a limited time, and show it the list that was held.

    Airflow asks the same on its page "Required Actions". Lift no hold where the data is wrong:
    have it sent again, and publish.
    """
    from wraparound.orchestration import approvals, nights

    settings = warehouse()
    last = day_of(until) or nights.today_at_the_door(settings)
    shown = approvals.approve(
        settings, school=school, by=by, reason=reason, rule_id=rule, until=last
    )
    told = "Its list is shown." if shown else "Nothing that is held now is shown by it."
    click.echo(f"Recorded, until {last}. {told}")


@main.group()
def deliver() -> None:
    """Lists on their way by the channels of the district file: what did not arrive.

    Each list is sent at most once to each recipient by each channel. What fails is tried again
    the next night, five times in all. waiting: its turn will come. failed: the trouble says why.
    unsure: a mail of which nobody knows whether it left; it is never sent again by itself.
    """


@deliver.command("list")
@as_json
def deliver_list(*, json_wanted: bool) -> None:
    """What was written down and not sent, oldest first, with the trouble."""
    from wraparound.publishing.channels import open_dispatches

    show(
        read(open_dispatches),
        columns=(
            *("dispatch_id", "release_id", "school_key", "channel", "recipient_id"),
            *("kind", "state", "attempts", "trouble"),
        ),
        json_wanted=json_wanted,
        empty="Everything that was to be sent was sent.",
    )


@deliver.command("retry")
@click.argument("dispatch_ids", type=int, nargs=-1)
def deliver_retry(*, dispatch_ids: tuple[int, ...]) -> None:
    """Send now what failed, however often; with numbers, only those.

    An `unsure` mail goes again only by its number: first ask whoever it was for. A list that a
    newer one has overtaken is dropped, and the newer one sent.
    """
    from wraparound.orchestration import sending

    done = sending.send_again(warehouse(), dispatch_ids=dispatch_ids)
    click.echo(f"Sent: {done.sent}. Failed: {done.failed}. Not known: {done.unsure}.")
    if done.failed or done.unsure:
        raise SystemExit(7)


@deliver.command("drop")
@click.argument("dispatch_ids", type=int, nargs=-1, required=True)
def deliver_drop(*, dispatch_ids: tuple[int, ...]) -> None:
    """Take off the list what arrived after all, or is not wanted any more."""
    from wraparound.orchestration import sending

    dropped = sending.give_up(warehouse(), dispatch_ids=dispatch_ids)
    click.echo(f"Dropped: {dropped}.")


@main.command()
@click.option("--out", type=click.Path(path_type=Path), help="The folder; default is in the home.")
@click.option("--today", type=DAY, help="The day of sending; default is today's date.")
@as_json
def packets(*, out: Path | None, today: datetime | None, json_wanted: bool) -> None:
    """Write each provider's packet: children referred to it, fields their consent covers.

    Every file is logged as a disclosure before it takes its place. The same bytes again are
    not sent again. What is denied is counted.
    """
    from wraparound.orchestration import nights, sending

    settings = warehouse()
    day = today.date() if today else nights.today_at_the_door(settings)
    rows = [dataclasses.asdict(p) for p in sending.packets(settings, today=day, out=out)]
    show(
        rows,
        columns=("organization_id", "school_source_id", "row_count", "denied_count", "is_new"),
        json_wanted=json_wanted,
        empty="No open referral has a ground to be told of.",
    )


@main.group()
def disclosures() -> None:
    """What left: to whom, about whom, on what ground."""


@disclosures.command("show")
@click.argument("student_id")
@as_json
def disclosures_show(*, student_id: str, json_wanted: bool) -> None:
    """Every time the records of one student left; STUDENT_ID is the roster's.

    Also of a student whose records have been destroyed, which is said.
    """
    from wraparound.orchestration import privacy

    settings = warehouse()
    rows = privacy.disclosures_of(settings, student_id)
    day = privacy.destroyed_on(settings, student_id)
    if day is not None:
        click.echo(
            f"Records of this student were destroyed on {day}. What left before was about whoever "
            "had the id then: ask whether that is the same child.",
            err=True,
        )
    show(
        rows,
        columns=("disclosed_at", "recipient_type", "recipient_id", "legal_basis", "channel"),
        json_wanted=json_wanted,
        empty="Nothing of this student has left.",
    )


@disclosures.command("verify")
def disclosures_verify() -> None:
    """Whether the log is as it was written; exit 7 if it is not."""
    from wraparound.orchestration import privacy

    checked = privacy.verify_disclosures(warehouse())
    click.echo(checked.message)
    if not checked.is_whole:
        raise SystemExit(7)


@main.command()
@by_option
@reason_option
@click.option("--today", type=DAY, help="The day to count from; default is today's date.")
@click.option("--dry-run", is_flag=True, help="Only say what is past its time.")
def purge(*, by: str, reason: str, today: datetime | None, dry_run: bool) -> None:
    """Destroy what is past its retention, with a proof of each place in the ledger.

    Archive, rows set aside, frozen lists, findings, outbox, packets, and every record of children
    who left. It waits for a load or a build, and they for it. Begin with --dry-run; what a legal
    hold spares is counted. docs/district-file.md says what stays, and why.
    """
    from wraparound.orchestration import nights, privacy

    settings = warehouse()
    day = today.date() if today else nights.today_at_the_door(settings)
    for gone in privacy.purge(settings, today=day, by=by, reason=reason, dry_run=dry_run):
        verb = "to destroy" if dry_run else "destroyed"
        click.echo(
            f"{gone.place:<11} {gone.item_count:>7,} {verb} ({gone.byte_count:,} bytes),"
            f" older than {gone.older_than} ({gone.retention_class})"
            + (f", {gone.kept_count:,} past it and kept" if gone.kept_count else "")
        )
        for table, row_count in sorted(gone.rows_by_table.items()):
            click.echo(f"    {table:<45} {row_count:>7,} rows")


@main.group("legal-hold")
def legal_hold() -> None:
    """What must not be destroyed, because somebody asked for it or may.

    A hold stands until somebody lifts it. While one stands, no file, list or line set aside is
    destroyed either, for nobody can tell them apart by child.
    """


@legal_hold.command("place")
@click.option("--student", "student_id", help="Only this student's records (the roster's id).")
@click.option("--all", "is_of_all", is_flag=True, help="Everybody's.")
@by_option
@reason_option
def legal_hold_place(*, student_id: str | None, is_of_all: bool, by: str, reason: str) -> None:
    """Let no purge destroy the records of one student, or any."""
    from wraparound.orchestration import privacy

    settings = warehouse()
    if (student_id is None) != is_of_all:
        raise click.UsageError("Either --student or --all.")
    number = privacy.hold(settings, student_id, by=by, reason=reason)
    click.echo(f"Legal hold {number} stands until somebody lifts it.")


@legal_hold.command("lift")
@click.argument("legal_hold_id", type=int)
@by_option
@reason_option
def legal_hold_lift(*, legal_hold_id: int, by: str, reason: str) -> None:
    """End a legal hold."""
    from wraparound.orchestration import privacy

    privacy.lift_hold(warehouse(), legal_hold_id, by=by, reason=reason)
    click.echo(f"Legal hold {legal_hold_id} is lifted.")


@legal_hold.command("list")
@as_json
def legal_hold_list(*, json_wanted: bool) -> None:
    """The holds that stand, oldest first; without a student a hold is of everybody."""
    from wraparound.warehouse import legal_holds

    show(
        read(legal_holds.standing),
        columns=("legal_hold_id", "student_source_id", "placed_by", "placed_at"),
        json_wanted=json_wanted,
        empty="No legal hold stands.",
    )
