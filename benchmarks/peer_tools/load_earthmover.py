"""earthmover, in its own environment: FILE, and a SOCKET that it has no use for."""

import os
import sys
from pathlib import Path

CONFIG = Path(__file__).parent / "earthmover.yaml"


def main(file: str, _socket: str) -> None:
    """Turn the file into `attendance.jsonl` here."""
    program = str(Path(sys.executable).parent / "earthmover")
    words = [program, "run", "-f", "-c", str(CONFIG)]
    where = {"ATTENDANCE_FILE": file, "ATTENDANCE_FOLDER": str(Path.cwd())}
    os.execve(program, words, os.environ | where)


if __name__ == "__main__":
    main(*sys.argv[1:])
