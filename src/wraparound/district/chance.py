"""Chance with a name: each part of a story has a generator of its own."""

import math
from collections.abc import Sequence
from random import Random


def draw(*parts: object) -> Random:
    """A generator seeded by words, so that one story never moves another."""
    # Invented people need a repeatable generator, not an unguessable one.
    return Random(":".join(str(part) for part in parts))  # noqa: S311


def poisson(rng: Random, mean: float) -> int:
    """A whole number of rare events with the given mean (small means only)."""
    limit, count, product = math.exp(-mean), 0, rng.random()
    while product > limit:
        count += 1
        product *= rng.random()
    return count


def weighted(rng: Random, choices: Sequence[tuple[str, float]]) -> str:
    """One word out of (word, share); the shares add up to 1."""
    roll = rng.random()
    for word, share in choices:
        roll -= share
        if roll < 0:
            return word
    return choices[-1][0]
