"""A release made anew from the archive: what was shown on an old night can be shown to be right.

The candidate that the night froze has an order-free hash for each report. The same files, loaded
anew as far as the night had them, built for the same school day and frozen, must give the same.
"""

from dataclasses import dataclass
from typing import Any

from wraparound.errors import BuildFailed, ReleaseMissing
from wraparound.orchestration.inputs import inputs_hash
from wraparound.orchestration.parity import Compared, Hashes, compared
from wraparound.orchestration.scratch import kept_of_build, made_anew
from wraparound.publishing.freeze import freeze_release
from wraparound.settings import Settings
from wraparound.warehouse.connection import connect
from wraparound.warehouse.roles import PUBLISHER


@dataclass(frozen=True)
class Replayed:
    """Every report of a release both ways.

    `as_made`: rules, models, settings and programs are those of that night. Where they are not,
    reports may differ for that reason alone.
    """

    release_id: int
    as_made: bool
    reports: tuple[Compared, ...]


def replay_release(settings: Settings, release_id: int) -> Replayed:
    """Make a release anew in a scratch database, and compare every report with what was frozen.

    Raises:
        ReleaseMissing: there is no such release, or what it knew of earlier nights was pruned.
        BuildFailed: the build fails, or files that it was made from have been destroyed.
    """
    release = _release(settings, release_id)
    with made_anew(settings, build_id=release["build_id"]) as scratch:
        with connect(scratch) as connection:
            # The releases before it are known there by the numbers that they have.
            connection.execute(
                "select setval(pg_get_serial_sequence('ops.release', 'release_id'), %s)",
                (release_id,),
            )
        with connect(scratch, role=PUBLISHER) as connection:
            candidate = freeze_release(connection, build_id=None, as_of=release["as_of_date"])
    then: Hashes = {
        name: (told["rows"], int(told["hash"], 16)) for name, told in release["hashes"].items()
    }
    now = {one.name: (one.row_count, int(one.content_hash, 16)) for one in candidate.reports}
    as_made = release["inputs_hash"] == inputs_hash(settings)
    return Replayed(release_id, as_made, compared(then, now))


def must_be_same(replayed: Replayed) -> None:
    """Say which reports differ, and what may be the reason.

    Raises:
        BuildFailed: some report is not what the archive gives.
    """
    other = [one.table for one in replayed.reports if not one.same]
    if other:
        reason = (
            "Nothing but files could have changed since: look at `wraparound arrivals`."
            if replayed.as_made
            else "Rules, models, settings or programs have changed since that night, which may be "
            "the reason: replay it with those of that night."
        )
        raise BuildFailed(
            f"{len(other)} of {len(replayed.reports)} reports of release {replayed.release_id} "
            f"are not what the archive gives, loaded anew: {', '.join(other[:5])}. {reason}"
        )


def _release(settings: Settings, release_id: int) -> dict[str, Any]:
    with connect(settings) as connection:
        found = connection.execute(
            "select r.build_id, r.as_of_date, r.content_hash::jsonb as hashes, b.inputs_hash"
            " from ops.release r inner join ops.build b using (build_id) where r.release_id = %s",
            (release_id,),
        ).fetchone()
    if found is None:
        raise ReleaseMissing(f"There is no release {release_id}. See `wraparound release list`.")
    if not kept_of_build(settings, build_id=found["build_id"]):
        raise ReleaseMissing(
            f"What was known before release {release_id} was pruned with its tables, or with"
            " those of an earlier release of its build, so it cannot be made anew. Pin a release"
            " that has to be kept."
        )
    return found
