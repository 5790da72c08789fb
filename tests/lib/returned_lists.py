"""A coordinator with a spreadsheet: the published workbook, written into and saved."""

import shutil
import subprocess
from datetime import date
from hashlib import md5
from pathlib import Path
from typing import Any

from openpyxl import load_workbook

SHEETS = ("Referrals", "Derivaciones")
ENTRIES = {
    "Decision": "decision",
    "Decisión": "decision",
    "Service chosen": "service",
    "Servicio elegido": "service",
    "Reason": "reason",
    "Motivo": "reason",
    "Day decided": "decided_on",
    "Día de la decisión": "decided_on",
    "Initials": "decided_by",
    "Iniciales": "decided_by",
}


def need_id_of(student: str, school: str, rule: str) -> str:
    """The id that the build gives to a need."""
    return md5(f"{student}|{school}|{rule}".encode(), usedforsecurity=False).hexdigest()


def write_into(path: Path, *, row: int, **entries: Any) -> None:
    """Write decision cells, or any others by their heading, into one row of the list."""
    book = load_workbook(path)
    sheet = next(book[name] for name in SHEETS if name in book.sheetnames)
    places = {
        ENTRIES.get(str(cell.value), str(cell.value)): cell.column
        for cell in next(sheet.iter_rows(max_row=1))
    }
    for name, value in entries.items():
        sheet.cell(row=row, column=places[name.replace("__", " ")]).value = value
    book.save(path)


def decide(path: Path, *, row: int, decision: str, **entries: Any) -> None:
    """Decide about the need in a row, as AB on a Monday where nothing else is said."""
    usual = {"decided_on": date(2026, 11, 23), "decided_by": "AB"}
    write_into(path, row=row, **({"decision": decision} | usual | entries))


def saved_by_libreoffice(path: Path, folder: Path) -> Path:
    """The workbook as LibreOffice writes it anew."""
    office = shutil.which("soffice")
    assert office is not None
    done = folder / "again"
    profile = f"-env:UserInstallation=file://{folder}/profile"
    command = [office, profile, "--headless", "--convert-to", "xlsx", "--outdir", done, path]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    return done / path.name
