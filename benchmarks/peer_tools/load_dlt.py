"""dlt, in its own environment: FILE SOCKET HOW.

HOW is `rows`, as its documentation begins (dictionaries, INSERT statements), or `arrow`, the
quickest that it offers without another driver: Arrow tables, written as CSV and copied.
"""

import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import dlt
import pyarrow as pa
from pyarrow import csv as arrow_csv

TEXT = ("studentUniqueId", "schoolId", "attendanceEventCategoryDescriptor")
COLUMNS: dict[str, Any] = {
    **{name: {"data_type": "text", "nullable": False} for name in TEXT},
    "eventDate": {"data_type": "date", "nullable": False},
    "attendanceEventReason": {"data_type": "text"},
    "eventDuration": {"data_type": "decimal"},
}
ARROW = {
    "studentUniqueId": pa.string(),
    "schoolId": pa.string(),
    "eventDate": pa.date32(),
    "attendanceEventCategoryDescriptor": pa.string(),
    "attendanceEventReason": pa.string(),
    "eventDuration": pa.decimal128(38, 9),
}
ROWS_AT_ONCE = 10_000


def as_rows(file: str) -> Iterator[list[dict[str, Any]]]:
    """Dictionaries, some thousands at a time; an empty cell is no value."""
    held: list[dict[str, Any]] = []
    with Path(file).open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            held.append({name: cell or None for name, cell in row.items()})
            if len(held) == ROWS_AT_ONCE:
                yield held
                held = []
    yield held


def as_arrow(file: str) -> Iterator[pa.Table]:
    """Typed tables, a block of the file at a time."""
    options = arrow_csv.ConvertOptions(column_types=ARROW, strings_can_be_null=True)
    for batch in arrow_csv.open_csv(file, convert_options=options):
        yield pa.Table.from_batches([batch])


def main(file: str, socket: str, how: str) -> None:
    """Load the file into `peer.attendance`."""
    source, written = {"rows": (as_rows, "insert_values"), "arrow": (as_arrow, "csv")}[how]
    # It insists on a password; nobody asks for it.
    url = f"postgresql://postgres:none@{quote(socket, safe='')}/run_peer"
    pipeline = dlt.pipeline(
        "peer",
        destination=dlt.destinations.postgres(url),
        dataset_name="peer",
        pipelines_dir=str(Path.cwd() / "dlt"),
    )
    resource = dlt.resource(
        source(file), name="attendance", write_disposition="replace", columns=COLUMNS
    )
    pipeline.run(resource, loader_file_format=written).raise_on_failed_jobs()


if __name__ == "__main__":
    main(*sys.argv[1:])
