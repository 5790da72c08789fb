"""An attack on published counts: the bounds of every hidden one, by linear programming.

Written against what a reader sees, not against how it was hidden: every count is a variable,
every published number and every sum an equation.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from scipy.optimize import linprog

from wraparound.contracts.suppression import Policy
from wraparound.publishing.suppression import ALL, BLOCK, Hidden, Metric

Name = tuple[str, ...]


def narrowest(
    metrics: Iterable[Metric],
    policy: Policy,
    *,
    hidden: Mapping[str, Hidden],
    known: Mapping[str, set[tuple[str, str, str]]] | None = None,
) -> dict[Name, float]:
    """Return how many further values each hidden count may have, seen over all metrics: without
    end where it may have every value that a bound leaves, which is told of it or of its total.

    `known` are counts per metric that the attacker has from elsewhere; to attack one of
    those themselves the attacker has to do without it.
    """
    system = _System()
    for metric in metrics:
        _describe(
            system, metric, policy, hidden[metric.name], (known or {}).get(metric.name, set())
        )
    widths = {name: system.width(name) for name in system.secrets}
    return {n: np.inf if width > system.told.get(n, np.inf) - 0.001 else width
            for n, width in widths.items()}  # fmt: skip


class _System:
    """Variables with bounds, and sums that are known."""

    def __init__(self) -> None:
        self.names: dict[Name, int] = {}
        self.low: list[float] = []
        self.high: list[float] = []
        self.sums: list[tuple[dict[int, float], float]] = []
        self.secrets: list[Name] = []
        self.loosened: dict[Name, float] = {}
        # How many further values a bound leaves to a count.
        self.told: dict[Name, float] = {}

    def variable(self, name: Name, *, low: float = 0, high: float = np.inf) -> int:
        if name not in self.names:
            self.names[name] = len(self.low)
            self.low.append(low)
            self.high.append(high)
        number = self.names[name]
        self.low[number] = max(self.low[number], low)
        self.high[number] = min(self.high[number], high)
        return number

    def equal(self, total: Name, parts: Iterable[Name]) -> None:
        row = {self.variable(part): 1.0 for part in parts}
        row[self.variable(total)] = -1.0
        self.sums.append((row, 0.0))

    def width(self, name: Name) -> float:
        matrix = np.zeros((len(self.sums), len(self.low)))
        for at, (row, _) in enumerate(self.sums):
            for number, factor in row.items():
                matrix[at, number] = factor
        bounds = list(zip(self.low, self.high, strict=True))
        if name in self.loosened:
            bounds[self.names[name]] = (self.loosened[name], np.inf)
        ends = []
        for sign in (1.0, -1.0):
            goal = np.zeros(len(self.low))
            goal[self.names[name]] = sign
            found: Any = linprog(goal, A_eq=matrix, b_eq=np.zeros(len(self.sums)), bounds=bounds)
            ends.append(np.inf if found.status == 3 else sign * found.fun)
        return float(ends[1] - ends[0])


def _describe(
    system: _System,
    metric: Metric,
    policy: Policy,
    hidden: Hidden,
    known: set[tuple[str, str, str]],
) -> None:
    least = int(policy.publish_zero)
    everyone = sum(metric.district.values())
    system.variable(("size", ALL, ALL), low=everyone, high=everyone)
    totals = [(metric.name, ALL, ALL, c) for c in metric.categories]
    system.equal(("size", ALL, ALL), totals)
    for c in metric.categories:
        _place(system, metric, policy, (ALL, ALL, c), metric.district[c], least, hidden, known)
    for breakdown, counts in metric.breakdowns.items():
        if breakdown in hidden.withheld or breakdown == BLOCK:
            continue
        _join_blocks(system, metric, breakdown)
        for group, row in counts.items():
            block = metric.blocks.get((breakdown, group))
            beside = {g for g in counts if metric.blocks.get((breakdown, g)) == block}
            blank = {(breakdown, g, c) for g in beside for c in row} <= hidden.cells
            size = sum(row.values())
            name = ("size", breakdown, group)
            if (breakdown, group) in hidden.groups:
                system.variable(name, low=least)
                if name not in system.secrets:
                    system.secrets.append(name)
            else:
                system.variable(name, low=size, high=size)
            system.equal(name, [(metric.name, breakdown, group, c) for c in row])
            small = (breakdown, group) in hidden.groups or policy.is_small_group(size)
            for c, count in row.items():
                columns = {(ALL, ALL, c), (BLOCK, block, c)}
                free = blank or small or columns & hidden.cells
                cell = (breakdown, group, c)
                _place(system, metric, policy, cell, count, 0 if free else least, hidden, known)
        for c in metric.categories:
            system.equal(
                (metric.name, ALL, ALL, c), [(metric.name, breakdown, g, c) for g in counts]
            )
        system.equal(("size", ALL, ALL), [("size", breakdown, g) for g in counts])


def _join_blocks(system: _System, metric: Metric, breakdown: str) -> None:
    """Groups of one block hold the same students in each breakdown that has blocks."""
    for block in {block for (b, _), block in metric.blocks.items() if b == breakdown}:
        groups = [g for (b, g), it in metric.blocks.items() if (b, it) == (breakdown, block)]
        system.equal(("size", BLOCK, block), [("size", breakdown, g) for g in groups])
        for c in metric.categories:
            system.equal(
                (metric.name, BLOCK, block, c), [(metric.name, breakdown, g, c) for g in groups]
            )


def _place(
    system: _System,
    metric: Metric,
    policy: Policy,
    cell: tuple[str, str, str],
    count: int,
    low: int,
    hidden: Hidden,
    known: set[tuple[str, str, str]],
) -> None:
    name = (metric.name, *cell)
    if cell not in hidden.cells:
        system.variable(name, low=count, high=count)
        return
    system.secrets.append(name)
    high = np.inf
    if cell in hidden.bounded:
        group = metric.district if cell[0] == ALL else metric.breakdowns[cell[0]][cell[1]]
        low, high = _told_as(count, sum(group.values()), policy, low=low)
    total = system.told.get((metric.name, ALL, ALL, cell[2]), np.inf)
    system.told[name] = min(high - low, total)
    if cell in known:
        system.variable(name, low=count, high=count)
        system.loosened[name] = low
    else:
        system.variable(name, low=low, high=high)


def _told_as(count: int, size: int, policy: Policy, *, low: int) -> tuple[int, int]:
    """What `below 5 percent` and `above 95 percent` say of a count: whole numbers on that side."""
    edge = policy.coded_percent(size)
    if count * 100 < size * edge:
        return low, -(-size * edge // 100) - 1
    return size * (100 - edge) // 100 + 1, size
