"""Which counts analysts may not see: the small ones, and those that would give them away.

A metric sorts every student of the district into one category, and is told for the whole
district and by several breakdowns (school, grade band, language), each of which sorts every
student into one group. The counts of one breakdown, with their totals, form a table; adding a
student to a hidden count means taking one from another hidden count of the same group and one
from another of the same category. Such exchanges are flows in a network of groups and
categories, so how far a hidden count could be from its true value, for all that a reader of
the published counts knows, is a maximum flow: exact, in whole numbers, without a solver.

A reader is taken to know the policy, every total that is published, that a hidden count is not
zero where zeros are published, and any count of the same metric published the time before.
Of a count that is told as a bound, and of parts of such a total, a reader learns the bound and
no more: they could have every value that is within it.

A reader also knows which grades a school has. Where the schools and grade bands of a district
fall into blocks that share no student (the high school, and the upper grades), both breakdowns
add up to the same counts of each block. So the blocks are a breakdown of their own, which is not
published. A count of a block is hidden in each of its groups, zeros and all; every other is
taken as told, and counts are exchanged within their block only.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from math import inf

from wraparound.contracts.suppression import Policy

Counts = Mapping[str, Mapping[str, int]]
Sizes = Mapping[str, Mapping[str, int]]
Cell = tuple[str, str]
# The names of the totals of a table: all groups, all categories.
ALL = "all"
# The breakdown by blocks: counted, never published.
BLOCK = "block"
UNBOUNDED = 10**9


@dataclass(frozen=True)
class Metric:
    """The true counts of one metric: `breakdowns[breakdown][group][category]`.

    Every group lists every category; every breakdown adds up to `district[category]`.
    `blocks` names the block of a (breakdown, group) whose breakdown falls into blocks.
    """

    name: str
    categories: tuple[str, ...]
    district: Mapping[str, int]
    breakdowns: Mapping[str, Counts]
    blocks: Mapping[Cell, str] = field(default_factory=dict)

    @property
    def nested(self) -> frozenset[str]:
        """The breakdowns that fall into blocks."""
        return frozenset(breakdown for breakdown, _ in self.blocks)

    def adds_up(self) -> bool:
        """Tell whether its groups add up to its blocks: those of another day may not."""
        return all(self._blocks_of(b) == self.breakdowns.get(BLOCK) for b in self.nested)

    def _blocks_of(self, breakdown: str) -> Counts:
        sums: dict[str, dict[str, int]] = {}
        for group, row in self.breakdowns.get(breakdown, {}).items():
            block = sums.setdefault(self.blocks.get((breakdown, group), ""), {})
            for category, count in row.items():
                block[category] = block.get(category, 0) + count
        return sums


@dataclass(frozen=True)
class Hidden:
    """What is hidden of one metric.

    `cells` holds (breakdown, group, category); the district is the breakdown and group `all`.
    `groups` holds (breakdown, group) of which even the size is hidden; `withheld` the
    breakdowns of which nothing is told, not even which groups there are. `bounded` are the
    hidden cells of which it is told on which side of a bound their share lies.
    """

    cells: frozenset[tuple[str, str, str]] = frozenset()
    groups: frozenset[tuple[str, str]] = frozenset()
    withheld: frozenset[str] = frozenset()
    bounded: frozenset[tuple[str, str, str]] = frozenset()


def hide_groups(
    sizes: Sizes,
    policy: Policy,
    *,
    blocks: Mapping[Cell, str] | None = None,
    keep_hidden: Iterable[Cell] = (),
    known: Iterable[Cell] = (),
) -> Hidden:
    """Return the groups of each breakdown whose size is hidden: `sizes[breakdown][group]`.

    `keep_hidden` and `known` are (breakdown, group) that were hidden, or told, before.
    """
    kept, told, block_of = set(keep_hidden), set(known), blocks or {}
    groups: set[Cell] = set()
    withheld: set[str] = set()
    # The blocks come first: all groups of a hidden one are hidden.
    for breakdown in sorted(sizes, key=lambda name: name != BLOCK):
        listed = sizes[breakdown]
        also = [g for b, g in kept if b == breakdown]
        avoid = {g for b, g in told if b == breakdown}
        for block, line in _by_block(listed, breakdown, block_of).items():
            hidden = (
                frozenset(line)
                if (BLOCK, block) in groups
                else _hide_line(line, policy, also=also, avoid=avoid)
            )
            if hidden is None:
                withheld.add(breakdown)
            else:
                groups |= {(breakdown, group) for group in hidden}
    if BLOCK in withheld:
        withheld |= {breakdown for breakdown, _ in block_of}
    groups = {(b, g) for b, g in groups if b not in withheld}
    return Hidden(groups=frozenset(groups), withheld=frozenset(withheld))


def weak_groups(
    sizes: Sizes,
    policy: Policy,
    *,
    hidden: Hidden,
    blocks: Mapping[Cell, str] | None = None,
    known: Iterable[Cell] = (),
) -> tuple[Cell, ...]:
    """Return the hidden small groups whose size a reader can narrow down too far."""
    told, block_of = set(known), blocks or {}

    def place(cell: Cell) -> str:
        block = block_of.get(cell, "")
        return "" if (BLOCK, block) in hidden.groups else block

    weak = []
    for breakdown, group in sorted(hidden.groups):
        listed = sizes[breakdown]
        behind = [
            (b, g)
            for b, g in hidden.groups - told
            if b == breakdown and g != group and place((b, g)) == place((breakdown, group))
        ]
        line = {g: listed[g] for _, g in ((breakdown, group), *behind)}
        if policy.is_small(listed[group]) and not _line_is_safe(line, group, policy, coded={}):
            weak.append((breakdown, group))
    return tuple(weak)


def _by_block(
    listed: Mapping[str, int], breakdown: str, blocks: Mapping[Cell, str]
) -> dict[str, dict[str, int]]:
    """Sort the groups of a breakdown by their block; one without blocks is one line."""
    lines: dict[str, dict[str, int]] = {}
    for group, size in listed.items():
        lines.setdefault(blocks.get((breakdown, group), ""), {})[group] = size
    return lines


def betrays_cohort(
    crossed: Mapping[Cell, Mapping[str, int]],
    policy: Policy,
    *,
    hidden: Hidden,
    breakdowns: Cell,
) -> bool:
    """Tell whether bands minus schools tell of a few: `crossed[school, band][category]`.

    Where the bands of some schools hold students of others too, who takes these schools from
    those bands has the counts of the others there: of a middle school, and grades 6 to 8, those
    of a school that goes on to grade 8. Schools minus the bands that are theirs alone are the
    same students, seen from the other side. `breakdowns` names those of schools and bands.
    """
    if hidden.withheld.intersection(breakdowns):
        return False
    by_school, by_band = breakdowns
    bands_of: dict[str, set[str]] = {}
    for school, band in crossed:
        bands_of.setdefault(school, set()).add(band)
    unions: set[frozenset[str]] = {frozenset()}
    for bands in map(frozenset, bands_of.values()):
        unions |= {union | bands for union in unions}
    for union in unions:
        inside = [school for school, bands in bands_of.items() if bands <= union]
        taken = {(by_school, school) for school in inside} | {(by_band, band) for band in union}
        blank = {category for b, g, category in hidden.cells if (b, g) in taken}
        rest = _sum_of(
            row for (school, band), row in crossed.items()
            if band in union and school not in inside
        )  # fmt: skip
        is_few = len(rest) > 1 and policy.is_small_group(sum(rest.values()))
        told = [count for category, count in rest.items() if category not in blank]
        if sum(rest.values()) and told and (is_few or any(map(policy.is_small, told))):
            return True
    return False


def _sum_of(rows: Iterable[Mapping[str, int]]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for row in rows:
        for category, count in row.items():
            sums[category] = sums.get(category, 0) + count
    return sums


def is_sensitive(metric: Metric, policy: Policy, cell: tuple[str, str, str]) -> bool:
    """Tell whether a count is hidden for its own sake, not to cover for another."""
    breakdown, group, category = cell
    row = metric.district if breakdown == ALL else metric.breakdowns[breakdown][group]
    return policy.is_small(row[category]) or policy.is_small_group(sum(row.values()))


def hide_counts(
    metric: Metric,
    policy: Policy,
    *,
    groups: Hidden,
    keep_hidden: Iterable[tuple[str, str, str]] = (),
    known: Iterable[tuple[str, str, str]] = (),
) -> Hidden:
    """Return what is hidden of a metric, given the groups whose size is hidden.

    `keep_hidden` are counts to hide again because they were hidden the time before, `known`
    those that were told then, behind which others hide badly.
    """
    kept, told = set(keep_hidden), set(known)
    columns = _hide_line(
        metric.district,
        policy,
        also=[c for b, _, c in kept if b == ALL],
        avoid=[c for b, _, c in told if b == ALL],
        coded=_coded_in(metric.district, policy),
    )
    if columns is None or policy.is_small_group(sum(metric.district.values())):
        return Hidden(withheld=frozenset({ALL, *metric.breakdowns}))
    cells = frozenset((ALL, ALL, column) for column in columns)
    bounded = {(ALL, ALL, column) for column in _coded_in(metric.district, policy)}
    withheld = set(groups.withheld)
    # The blocks come first: what is hidden of one is hidden in each of its groups.
    for breakdown in sorted(metric.breakdowns, key=lambda name: name != BLOCK):
        if breakdown in withheld or (BLOCK in withheld and breakdown in metric.nested):
            withheld.add(breakdown)
            continue
        tables = _tables(metric, policy, breakdown, columns=columns, groups=groups, cells=cells)
        done = [_protect(t.after(breakdown, kept=kept, told=told), policy) for t in tables]
        if None in done:
            withheld.add(breakdown)
        for table in filter(None, done if breakdown not in withheld else ()):
            cells |= {(breakdown, *cell) for cell in table.hidden}
            bounded |= {(breakdown, *cell) for cell in table.coded}
    return Hidden(cells, groups.groups, frozenset(withheld), frozenset(bounded & cells))


def weak_cells(
    metric: Metric, policy: Policy, *, hidden: Hidden, known: Iterable[tuple[str, str, str]] = ()
) -> tuple[tuple[str, str, str], ...]:
    """Return the hidden counts that a reader can narrow down too far.

    `known` are counts that the reader holds from another publication of the metric: they
    stay hidden themselves, but no other can hide behind them.
    """
    columns = {c for b, _, c in hidden.cells if b == ALL}
    weak: list[tuple[str, str, str]] = []
    told = set(known)
    for breakdown in metric.breakdowns.keys() - hidden.withheld:
        own = frozenset((g, c) for b, g, c in hidden.cells if b == breakdown)
        bounded = frozenset((g, c) for b, g, c in hidden.bounded if b == breakdown)
        tables = _tables(
            metric, policy, breakdown, columns=columns, groups=hidden, cells=hidden.cells
        )
        for table in tables:
            listed = _cells(table.counts)
            seen = replace(
                table.without_any() if own - bounded >= listed else table,
                hidden=own & listed,
                known=frozenset((g, c) for b, g, c in told if b == breakdown) & listed,
                known_columns=table.known_columns | {c for b, _, c in told if b == ALL},
            )
            weak += [(breakdown, *cell) for cell in _weak(seen, policy, _Network(seen))]
    line = {c: metric.district[c] for c in columns - {c for b, _, c in told if b == ALL}}
    coded = _coded_in(metric.district, policy)
    weak += [(ALL, ALL, c) for c in line if not _line_is_safe(line, c, policy, coded=coded)]
    return tuple(weak)


# --- one line: counts with a total ----------------------------------------------------------


def _hide_line(
    counts: Mapping[str, int],
    policy: Policy,
    *,
    also: Iterable[str] = (),
    avoid: Iterable[str] = (),
    coded: Mapping[str, tuple[int, int]] | None = None,
) -> frozenset[str] | None:
    """Hide small counts of a line, and the least others that cover for them.

    None where even hiding everything would not do.
    """
    bounds = coded or {}
    hidden = {name for name, count in counts.items() if policy.is_small(count)}
    hidden |= {name for name in also if counts.get(name)} | set(bounds)
    if not hidden or policy.complementary == "none":
        return frozenset(hidden)
    shunned = set(avoid)
    others = sorted(
        (name for name in counts if name not in hidden and counts[name]),
        key=lambda name: (name in shunned, counts[name], name),
    )
    while not all(
        _line_is_safe({n: counts[n] for n in hidden}, name, policy, coded=bounds)
        for name in hidden
    ):
        if not others:
            return None
        hidden.add(others.pop(0))
    return frozenset(hidden)


def _line_is_safe(
    hidden: Mapping[str, int],
    name: str,
    policy: Policy,
    *,
    coded: Mapping[str, tuple[int, int]],
) -> bool:
    """Whether one of the hidden counts of a line could be one of enough values."""
    least = int(policy.publish_zero)
    low = {n: coded.get(n, (least, 0))[0] for n in hidden}
    high = {n: coded[n][1] if n in coded else UNBOUNDED for n in hidden}
    total = sum(hidden.values())
    most = min(high[name], total - sum(low[n] for n in hidden if n != name))
    fewest = max(low[name], total - sum(high[n] for n in hidden if n != name))
    wanted = policy.numerator_minimum - 1
    # Of a count that is told to lie within bounds all values that are within them will do.
    return most - fewest >= (min(wanted, high[name] - low[name]) if name in coded else wanted)


def _coded_in(counts: Mapping[str, int], policy: Policy) -> dict[str, tuple[int, int]]:
    """Return the counts of a group that are told as a bound, with the bounds."""
    size = sum(counts.values())
    percent = policy.coded_percent(size)
    edge = size * percent / 100
    found = {}
    for name, count in counts.items():
        if not percent or (count == 0 and policy.publish_zero):
            continue
        if count < edge:
            found[name] = (int(policy.publish_zero), max(0, -(-size * percent // 100) - 1))
        elif count > size - edge:
            found[name] = (size * (100 - percent) // 100 + 1, size)
    return found


def rate_bound(count: int, size: int, policy: Policy) -> str | None:
    """Return `above` or `below` where a share is told as a bound only."""
    coded = _coded_in({"it": count, "rest": size - count}, policy)
    if "it" not in coded:
        return None
    return "below" if coded["it"][1] < size else "above"


# --- one table: groups by categories --------------------------------------------------------


@dataclass(frozen=True)
class _Table:
    counts: Counts
    categories: tuple[str, ...]
    # Categories whose total is hidden; groups of which everything, or even the size, is.
    columns: frozenset[str]
    whole_groups: frozenset[str]
    sizeless: frozenset[str]
    coded: Mapping[Cell, tuple[int, int]]
    # How far a hidden total may be lower, and higher, where a bound of it is told.
    slack: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    hidden: frozenset[Cell] = frozenset()
    known: frozenset[Cell] = frozenset()
    known_columns: frozenset[str] = frozenset()
    avoid: frozenset[Cell] = frozenset()
    least: int = 0
    district: Mapping[str, int] = field(default_factory=dict)
    is_block: bool = False

    def hiding(self, cells: Iterable[Cell]) -> "_Table":
        """Hide more; a zero that may be published is not worth hiding."""
        more = {(g, c) for g, c in cells if self.counts[g][c] or not self.least}
        return replace(self, hidden=self.hidden | more)

    def after(
        self,
        breakdown: str,
        *,
        kept: Iterable[tuple[str, str, str]],
        told: Iterable[tuple[str, str, str]],
    ) -> "_Table":
        """Hide again what was hidden the time before, and remember what was told."""
        again = {(g, c) for b, g, c in kept if b == breakdown} & _cells(self.counts)
        return replace(
            self.hiding(again), avoid=frozenset((g, c) for b, g, c in told if b == breakdown)
        )

    def without_any(self) -> "_Table":
        """Hide every count: the last resort before not even the groups are told."""
        whole = frozenset(self.counts)
        return replace(self, hidden=_cells(self.counts), whole_groups=whole, coded={})

    def low(self, cell: Cell) -> int:
        """The least that a reader must take a hidden count to be."""
        group, column = cell
        if group in self.whole_groups or column in self.columns:
            return 0
        return self.coded.get(cell, (self.least, 0))[0]

    def high(self, cell: Cell) -> int:
        """The most."""
        return self.coded[cell][1] if cell in self.coded else UNBOUNDED

    def value(self, cell: Cell) -> int:
        """The true count."""
        return self.counts[cell[0]][cell[1]]

    def wanted(self, cell: Cell, policy: Policy) -> int:
        """How many further values a hidden count must be able to have.

        No more than the bound leaves that is told of it, or of its total.
        """
        told = [self.high(cell) - self.low(cell)] if cell in self.coded else []
        told += [sum(self.slack[cell[1]])] if cell[1] in self.slack else []
        return min([policy.numerator_minimum - 1, *told])

    def spare(self, cell: Cell) -> int:
        """How much could be taken from a count without a reader's knowing better."""
        return self.value(cell) - self.low(cell)


def _cells(counts: Counts) -> frozenset[Cell]:
    return frozenset((group, column) for group, row in counts.items() for column in row)


def _tables(
    metric: Metric,
    policy: Policy,
    breakdown: str,
    *,
    columns: frozenset[str] | set[str],
    groups: Hidden,
    cells: frozenset[tuple[str, str, str]],
) -> list[_Table]:
    """Return the tables of a breakdown: one, or one for each block of its groups.

    `cells` say what is hidden of the blocks: a reader who guesses the total of a block
    learns nothing of how its groups share it.
    """
    slack = {
        column: (metric.district[column] - low, high - metric.district[column])
        for column, (low, high) in _coded_in(metric.district, policy).items()
    }
    if breakdown == BLOCK:
        policy = policy.model_copy(update={"percent_coding": ()})
    if breakdown not in metric.nested:
        table = _table(metric, policy, breakdown, columns=columns, groups=groups)
        return [replace(table, slack=slack)]
    tables = []
    for block, district in metric.breakdowns[BLOCK].items():
        counts = {
            group: row
            for group, row in metric.breakdowns[breakdown].items()
            if metric.blocks[breakdown, group] == block
        }
        part = replace(metric, district=district, breakdowns={breakdown: counts})
        guessed = {c for b, g, c in cells if (b, g) == (BLOCK, block)} - columns
        table = _table(part, policy, breakdown, columns=columns | guessed, groups=groups)
        alone, known = len(counts) == 1, frozenset(guessed)
        tables.append(replace(table, slack=slack, known_columns=known, is_block=alone))
    return tables


def _table(
    metric: Metric,
    policy: Policy,
    breakdown: str,
    *,
    columns: Iterable[str],
    groups: Hidden,
) -> _Table:
    """Return the table of a breakdown with what must be hidden whatever stands around it.

    A category hidden in the district is hidden in each group, zeros and all: so every
    breakdown leaves it the same freedom. So is a group of hidden size, in every metric.
    """
    counts, hidden_columns = metric.breakdowns[breakdown], frozenset(columns)
    sizeless = frozenset(g for b, g in groups.groups if b == breakdown) & counts.keys()
    whole = _whole_groups(counts, sizeless, policy)
    coded = {
        (group, column): bounds
        for group, row in counts.items()
        for column, bounds in _coded_in(row, policy).items()
        if group not in whole and column not in hidden_columns
    }
    hidden = coded.keys() | {
        (group, column)
        for group, row in counts.items()
        for column, count in row.items()
        if group in whole or column in hidden_columns or policy.is_small(count)
    }
    return _Table(
        counts=counts,
        categories=metric.categories,
        columns=hidden_columns,
        whole_groups=whole,
        sizeless=sizeless,
        coded=coded,
        hidden=frozenset(hidden),
        least=int(policy.publish_zero),
        district=metric.district,
    )


def _whole_groups(counts: Counts, sizeless: frozenset[str], policy: Policy) -> frozenset[str]:
    """Return the groups of which no count is told.

    An empty one is no secret where zeros are told: its zeros add up to a published zero.
    """
    sizes = {group: sum(row.values()) for group, row in counts.items()}
    return frozenset(
        group
        for group, size in sizes.items()
        if (group in sizeless or policy.is_small_group(size)) and (size or not policy.publish_zero)
    )


def _protect(table: _Table, policy: Policy) -> _Table | None:
    """Hide more until no hidden count can be narrowed down; None where nothing helps."""
    if policy.complementary == "none":
        return table
    network = _Network(table)
    for _ in range(len(table.counts) + len(table.categories)):
        weak = _weak(table, policy, network)
        if not weak:
            return table
        for cell in weak:
            if not _is_safe(table, cell, policy, network):
                covered = _cover(table, cell, policy)
                network.add(covered, covered.hidden - table.hidden)
                table = covered
    everything = table.without_any()
    return None if _weak(everything, policy, _Network(everything)) else everything


def _weak(table: _Table, policy: Policy, network: "_Network") -> list[Cell]:
    """Return the hidden counts that are not safe, in a stated order.

    A group that is a block alone is as safe as its block.
    """
    if table.is_block:
        return []
    return [cell for cell in sorted(table.hidden) if not _is_safe(table, cell, policy, network)]


def _is_safe(table: _Table, cell: Cell, policy: Policy, network: "_Network") -> bool:
    if policy.complementary == "none":
        return True
    if policy.complementary == "row":
        group = cell[0]
        return sum(1 for g, c in table.hidden if g == group and table.counts[g][c]) != 1
    wanted = table.wanted(cell, policy)
    group, category = _node(group=cell[0]), _node(category=cell[1])
    room = max(0, min(table.spare(cell), wanted))
    with network.without(group, category) as others:
        down = others.flow(group, category, room)
        # From its least to its greatest value: both ways are open at once, each by itself.
        up = min(wanted - down, table.high(cell) - table.value(cell))
        return down + others.flow(category, group, up) >= wanted


def _cover(table: _Table, cell: Cell, policy: Policy) -> _Table:
    """Hide the three counts that, with a hidden one, make the cheapest sufficient exchange."""
    if policy.complementary == "row":
        others = [(n, c) for c, n in table.counts[cell[0]].items() if n and c != cell[1]]
        return table.hiding({(cell[0], c) for _, c in sorted(others)[:1]})
    offer = _cheapest(table, cell, table.wanted(cell, policy))
    return table.hiding(offer) if offer else table


def _cheapest(table: _Table, cell: Cell, wanted: int) -> list[Cell]:
    """Return the counts whose hiding moves a hidden one furthest, `wanted` at most, and of these
    the ones of which least is lost; none where no exchange helps.

    What was told before still is known: hiding it now is worth less.
    """
    group, column = cell
    own = table.spare(cell)
    sides = [(c, table.spare((group, c)), _price(table, (group, c)))
             for c in table.categories if c != column]  # fmt: skip
    best: tuple[int, float, list[Cell]] = (0, 0, [])
    for other_group in table.counts.keys() - {group}:
        across = (other_group, column)
        facing, its_price = table.spare(across), _price(table, across)
        for other, side, price in sides:
            far = (other_group, other)
            gain = min(min(side, facing) + min(own, table.spare(far)), wanted)
            # Most are worse than the best so far, which is seen before they are listed.
            cost = price + its_price + _price(table, far)
            if gain <= 0 or cost == inf or (-gain, cost) > best[:2]:
                continue
            more = sorted({(group, other), across, far} - table.hidden)
            if more:
                best = min(best, (-gain, cost, more))
    return best[2]


def _price(table: _Table, cell: Cell) -> float:
    """What is lost by hiding a count; a zero that may be published cannot be hidden."""
    if cell in table.hidden:
        return 0
    value = table.value(cell)
    if table.least and not value:
        return inf
    return value + (UNBOUNDED if cell in table.avoid else 0)


def _node(*, group: str = "", category: str = "") -> str:
    return f"group {group}" if group else f"category {category}"


class _Network:
    """What can be exchanged without changing a published total.

    A unit that runs from a group to a category adds one to their count; from a category to
    a group it takes one away. Totals run the other way round.
    """

    def __init__(self, table: _Table) -> None:
        self.room: dict[str, dict[str, int]] = {}
        self.add(table, table.hidden - table.known)
        for column in table.columns - table.known_columns:
            fewer, more = table.slack.get(column, (UNBOUNDED, UNBOUNDED))
            fewer = max(0, min(fewer, table.district[column] - table.least))
            self._join(_node(category=column), "totals", more=more, fewer=fewer)
        for group in table.sizeless:
            fewer = max(0, sum(table.counts[group].values()) - table.least)
            self._join("sizes", _node(group=group), more=UNBOUNDED, fewer=fewer)

    def add(self, table: _Table, cells: Iterable[Cell]) -> None:
        """Let hidden counts take part in exchanges."""
        for cell in cells:
            value = table.value(cell)
            self._join(
                _node(group=cell[0]),
                _node(category=cell[1]),
                more=max(0, table.high(cell) - value),
                fewer=max(0, value - table.low(cell)),
            )

    def _join(self, tail: str, head: str, *, more: int, fewer: int) -> None:
        """Let a count grow by units that run from tail to head, and shrink the other way."""
        self.room.setdefault(tail, {})[head] = more
        self.room.setdefault(head, {})[tail] = fewer

    @contextmanager
    def without(self, group: str, category: str) -> Iterator["_Network"]:
        """Leave one count aside while inside."""
        more = self.room.get(group, {}).get(category, 0)
        fewer = self.room.get(category, {}).get(group, 0)
        self._join(group, category, more=0, fewer=0)
        try:
            yield self
        finally:
            self._join(group, category, more=more, fewer=fewer)

    def flow(self, source: str, sink: str, wanted: int) -> int:
        """Return how many units can run from one node to another, `wanted` at most."""
        done: list[tuple[list[tuple[str, str]], int]] = []
        left = wanted
        while left > 0 and (path := self._path(source, sink)):
            unit = min(left, *(self.room[a][b] for a, b in path))
            self._run(path, unit)
            done.append((path, unit))
            left -= unit
        for path, unit in done:
            self._run(path, -unit)
        return wanted - left

    def _run(self, path: list[tuple[str, str]], unit: int) -> None:
        for a, b in path:
            self.room[a][b] -= unit
            self.room[b][a] += unit

    def _path(self, source: str, sink: str) -> list[tuple[str, str]] | None:
        """Return a way that has room left, as steps.

        Any will do, so it goes on from the last node: some way is mostly near, and to look at
        all that is as near would be to look at every group of each hidden count.
        """
        way, seen = [source], {source}
        ahead = [iter(self.room.get(source, {}).items())]
        while ahead:
            if self.room.get(way[-1], {}).get(sink, 0) > 0:
                return list(pairwise((*way, sink)))
            step = next((node for node, room in ahead[-1] if room > 0 and node not in seen), None)
            if step is None:
                ahead.pop()
                way.pop()
            else:
                seen.add(step)
                way.append(step)
                ahead.append(iter(self.room[step].items()))
        return None
