"""Sling, in its own environment: FILE SOCKET. Its program takes the place of this process."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

TYPES = '{"eventDate": "date", "eventDuration": "decimal", "attendanceEventReason": "text"}'


def main(file: str, socket: str) -> None:
    """Load the file into `public.attendance`."""
    package = find_spec("sling_linux_amd64")
    assert package is not None
    assert package.origin is not None
    program = str(Path(package.origin).parent / "bin" / "sling-linux-amd64")
    source = ["--src-stream", f"file://{file}", "--columns", TYPES]
    target = ["--tgt-conn", "PEER", "--tgt-object", "public.attendance"]
    words = ["sling", "run", *source, *target, "--mode", "full-refresh"]
    url = f"postgresql://postgres@/run_peer?host={socket}"
    os.execve(program, words, os.environ | {"PEER": url})


if __name__ == "__main__":
    main(*sys.argv[1:])
