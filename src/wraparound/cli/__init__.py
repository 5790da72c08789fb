"""The command line: the same functions that Airflow's tasks call, for work at the keyboard.

Each chapter of `--help` is a module; importing it puts its commands behind the door.
"""

from wraparound.cli import arrived, children, leaving, machine, night, setting_up
from wraparound.cli.door import CHAPTERS, Family, main

__all__ = [
    "CHAPTERS",
    "Family",
    "arrived",
    "children",
    "leaving",
    "machine",
    "main",
    "night",
    "setting_up",
]
