"""`python -m wraparound.cli`: the same door, for whoever names a Python of their own."""

from wraparound.cli import main

main()
