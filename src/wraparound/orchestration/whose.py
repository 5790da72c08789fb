"""Whose a student id is: what a person reads before answering, and the answer."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from psycopg.types.json import Jsonb

from wraparound.errors import ReleaseMissing
from wraparound.orchestration.handing_back import safe
from wraparound.orchestration.receipt_pages import write_private
from wraparound.settings import Settings
from wraparound.warehouse import identities
from wraparound.warehouse.connection import connect

FILE = "students-in-question.csv"


@dataclass(frozen=True)
class Exported:
    """The file that was written, and how many ids are in it."""

    path: Path
    row_count: int


def export_questions(settings: Settings, *, folder: Path, by: str) -> Exported | None:
    """Record who asks, then write as whom each id in question was told before, and since.

    Only the owner of the file may read it. None where no id is in question.
    """
    with connect(settings) as connection:
        rows = identities.questions_with_names(connection)
        if not rows:
            return None
        connection.execute(
            "insert into ops.event (kind, state, detail) values ('student', 'exported', %s)",
            [Jsonb({"by": by, "row_count": len(rows)})],
        )
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(rows[0])
    for row in rows:
        writer.writerow([safe("" if cell is None else str(cell)) for cell in row.values()])
    write_private(folder / FILE, stream.getvalue())
    return Exported(folder / FILE, len(rows))


def answer(
    settings: Settings, student_ids: Sequence[str], *, is_same: bool, by: str, reason: str
) -> None:
    """Record whose some ids are; all of them, or none.

    Raises:
        ReleaseMissing: one of the ids never looked like another child's.
    """
    with connect(settings) as connection:
        for student_id in student_ids:
            known = identities.answer(
                connection, student_id, is_same=is_same, by=by, reason=reason
            )
            if not known:
                raise ReleaseMissing(
                    "One of these ids never looked like another child's, so nothing was written. "
                    "`wraparound student list` names those that do."
                )
