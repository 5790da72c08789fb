"""What is hidden cannot be worked out: small tables by hand, random ones under attack."""

import random
from collections import Counter
from dataclasses import replace

import pytest
from pydantic import ValidationError

from lib.attack import narrowest
from wraparound.contracts.suppression import policy_of, presets
from wraparound.publishing.analytics import Snapshot, hide_counts_beside, hide_groups_beside, told
from wraparound.publishing.suppression import (
    ALL,
    BLOCK,
    Hidden,
    Metric,
    betrays_cohort,
    hide_counts,
    hide_groups,
    is_sensitive,
    rate_bound,
    weak_cells,
)

CT = policy_of("ct_csde")
NESTED = ("school", "grade_band")


def a_metric(rows, *, name="tier", categories=("1", "2", "3"), breakdown="school"):
    """A metric told by one breakdown; `rows` maps a group to its counts in order."""
    counts = {group: dict(zip(categories, row, strict=True)) for group, row in rows.items()}
    district = {c: sum(row[c] for row in counts.values()) for c in categories}
    return Metric(name, tuple(categories), district, {breakdown: counts})


def in_blocks(metric, blocks):
    """The metric with its groups in blocks: `blocks` maps a (breakdown, group) to one."""
    sums = {block: dict.fromkeys(metric.categories, 0) for block in sorted(set(blocks.values()))}
    first = min(b for b, _ in blocks)
    for group, row in metric.breakdowns[first].items():
        for category, count in row.items():
            sums[blocks[first, group]][category] += count
    return replace(metric, breakdowns={**metric.breakdowns, BLOCK: sums}, blocks=blocks)


def sizes_of(*metrics):
    return {b: {g: sum(r.values()) for g, r in counts.items()} for m in metrics
            for b, counts in m.breakdowns.items()}  # fmt: skip


def hidden_of(metric, policy=CT, **words):
    groups = hide_groups(sizes_of(metric), policy)
    return hide_counts(metric, policy, groups=groups, **words)


def cells(hidden, breakdown="school"):
    return sorted((g, c) for b, g, c in hidden.cells if b == breakdown)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param({"A": (30, 30, 30), "B": (30, 30, 30)}, [], id="nothing is small"),
        pytest.param({"A": (30, 0, 30), "B": (30, 60, 30)}, [], id="a zero may be told"),
        pytest.param(
            {"A": (30, 40, 5), "B": (31, 41, 50), "C": (300, 400, 500)},
            [("A", "1"), ("A", "3"), ("B", "1"), ("B", "3")],
            id="one small count takes three others along",
        ),
        pytest.param(
            {"A": (10, 9, 0), "B": (300, 410, 500), "C": (301, 400, 501)},
            [("A", "1"), ("A", "2"), ("A", "3"), ("B", "1"), ("B", "2")],
            id="all of a group of nineteen, zero and all",
        ),
    ],
)  # fmt: skip
def test_small_counts_are_hidden_with_what_would_betray_them(rows, expected):
    hidden = hidden_of(a_metric(rows))
    assert set(cells(hidden)) >= set(expected[:1])
    if expected != cells(hidden):
        assert len(cells(hidden)) <= len(expected) + 1
    assert not weak_cells(a_metric(rows), CT, hidden=hidden)


def test_twenty_is_large_enough_and_nineteen_is_not():
    rows = {"A": (10, 10, 0), "B": (300, 400, 500), "C": (301, 401, 501)}
    assert cells(hidden_of(a_metric(rows))) == []
    rows["A"] = (10, 9, 0)
    assert {("A", c) for c in "123"} <= set(cells(hidden_of(a_metric(rows))))


def test_a_group_whose_size_is_small_takes_another_size_along():
    sizes = {"language": {"x": 3, "y": 8, "z": 400}}
    assert hide_groups(sizes, CT).groups == {("language", "x"), ("language", "y")}


def test_a_hidden_block_hides_every_school_and_grade_band_in_it():
    """Their sizes add up to its own, however large each of them is."""
    places = {"A": "x", "B": "y", "C": "y", "D": "z", "K-2": "x", "3-5": "y", "6-8": "z"}
    blocks = {("grade_band" if "-" in g else "school", g): block for g, block in places.items()}
    sizes = {
        "school": {"A": 400, "B": 100, "C": 100, "D": 5},
        "grade_band": {"K-2": 400, "3-5": 200, "6-8": 5},
        BLOCK: {"x": 400, "y": 200, "z": 5},
    }
    assert hide_groups(sizes, CT, blocks=blocks).groups == {
        *((BLOCK, block) for block in "yz"),
        *(("school", school) for school in "BCD"),
        *(("grade_band", band) for band in ("3-5", "6-8")),
    }


def test_a_high_school_alone_in_its_block_is_as_safe_as_the_block():
    rows = {"A": (60, 50, 4), "B": (70, 80, 40), "H": (90, 70, 3)}
    blocks = {("school", "A"): "low", ("school", "B"): "low", ("school", "H"): "high"}
    hidden = hidden_of(in_blocks(a_metric(rows), blocks))
    assert not hidden.withheld
    assert [c for g, c in cells(hidden) if g == "H"] == [c for g, c in cells(hidden, BLOCK)
                                                        if g == "high"] != []  # fmt: skip
    assert ("A", "3") in cells(hidden)


def test_a_breakdown_in_which_hiding_all_does_not_help_is_withheld():
    """Twenty groups of one child: who knows that no group is empty knows them all."""
    sizes = {"language": {f"l{n}": 1 for n in range(20)}}
    assert hide_groups(sizes, CT).withheld == {"language"}
    # Then no metric is told by it either, however large its counts are.
    metric = a_metric({"A": (30, 30, 30), "B": (30, 30, 30)})
    groups = Hidden(withheld=frozenset({"school"}))
    assert hide_counts(metric, CT, groups=groups).withheld == {"school"}


def test_a_district_that_is_small_itself_tells_nothing():
    hidden = hidden_of(a_metric({"A": (5, 5, 5)}))
    assert hidden.withheld == {ALL, "school"}


def test_a_category_that_is_small_in_the_district_is_hidden_everywhere():
    metric = a_metric({"A": (100, 50, 1), "B": (90, 60, 2)})
    hidden = hidden_of(metric)
    assert {(ALL, ALL, "3"), ("school", "A", "3"), ("school", "B", "3")} <= hidden.cells
    assert len({c for b, _, c in hidden.cells if b == ALL}) == 2


def test_without_complements_only_what_is_small_is_hidden():
    policy = policy_of("ct_csde", complementary="none")
    rows = {"A": (30, 40, 5), "B": (31, 41, 50), "C": (300, 400, 500)}
    assert cells(hidden_of(a_metric(rows), policy)) == [("A", "3")]


def test_by_row_a_second_count_of_the_group_is_hidden():
    policy = policy_of("ct_csde", complementary="row")
    rows = {"A": (30, 40, 5), "B": (31, 41, 50), "C": (300, 400, 500)}
    assert cells(hidden_of(a_metric(rows), policy)) == [("A", "1"), ("A", "3")]


@pytest.mark.parametrize(
    ("name", "count", "size", "bound"),
    [
        ("ct_csde", 1, 1000, None),
        ("delaware", 4, 100, "below"),
        ("delaware", 5, 100, None),
        ("delaware", 95, 100, None),
        ("delaware", 96, 100, "above"),
        ("utah", 5, 300, None),
        ("utah", 2, 300, "below"),
        ("utah", 2, 200, "below"),
        ("utah", 298, 300, "above"),
        ("utah", 0, 300, "below"),
        ("utah", 1, 40, "below"),
    ],
)
def test_shares_near_nothing_or_all_are_bounds(name, count, size, bound):
    assert rate_bound(count, size, policy_of(name)) == bound


def test_a_bound_is_told_of_nothing_as_well():
    """Or `below 5 percent` of forty would be one child, and no other number."""
    with pytest.raises(ValidationError, match="zeros"):
        policy_of("utah", publish_zero=True)


def test_a_count_told_as_a_bound_is_covered_for_like_any_other():
    metric = a_metric({"A": (39, 1), "B": (300, 90), "C": (500, 70)}, categories=("no", "yes"))
    policy = policy_of("utah")
    hidden = hidden_of(metric, policy)
    assert {c for c in hidden.bounded if c[1] == "A"} == {
        ("school", "A", c) for c in ("no", "yes")
    }
    assert cells(hidden) == [(group, c) for group in "ABC" for c in ("no", "yes")]
    told = replace(hidden, cells=hidden.bounded)
    assert ("school", "A", "yes") in weak_cells(metric, policy, hidden=told)


def test_a_total_told_as_a_bound_takes_others_along():
    """One gives it all that the bound leaves; two also hide each other."""
    metric = a_metric({"A": (300, 90, 2), "B": (310, 98, 0)})
    hidden = hidden_of(metric, policy_of("utah"))
    assert cells(hidden, ALL) == [(ALL, "1"), (ALL, "2"), (ALL, "3")]
    assert hidden.bounded == {(ALL, ALL, "3")}


def test_behind_a_count_told_as_a_bound_others_hide_within_the_bound_only():
    policy = policy_of("delaware")
    hidden = Hidden(frozenset(("school", group, c) for group in "AB" for c in "23"))
    told_as_bound = a_metric({"A": (50, 46, 4), "B": (100, 60, 40)})
    weak = weak_cells(told_as_bound, policy, hidden=hidden)
    assert sorted(weak) == [("school", "A", "2"), ("school", "B", "2"), ("school", "B", "3")]
    only_hidden = a_metric({"A": (50, 30, 20), "B": (100, 60, 40)})
    assert weak_cells(only_hidden, policy, hidden=hidden) == ()


@pytest.mark.parametrize(("other", "is_weak"), [(3, True), (4, False)])
def test_a_hidden_count_needs_room_for_as_many_values_as_are_small(other, is_weak):
    """A's 3 is at least 1, and grows by what B's count has above 1: five values, or six."""
    metric = a_metric({"A": (50, 3, 47), "B": (100, other, 60)})
    cells = frozenset(("school", group, c) for group in "AB" for c in "23")
    weak = weak_cells(metric, CT, hidden=Hidden(cells))
    assert set(weak) == (cells if is_weak else set())


def test_a_hidden_total_is_no_cover_for_who_knows_it():
    metric = a_metric({"A": (100, 50, 1), "B": (90, 60, 2)})
    hidden = hidden_of(metric)
    assert weak_cells(metric, CT, hidden=hidden) == ()
    totals = {cell for cell in hidden.cells if cell[0] == ALL}
    weak = weak_cells(metric, CT, hidden=hidden, known=totals)
    assert set(weak) == hidden.cells - totals


def test_an_unknown_policy_names_those_there_are():
    with pytest.raises(ValueError, match="ct_csde, n10, delaware, utah"):
        policy_of("nowhere")


@pytest.mark.parametrize(
    ("rest", "betrays"),
    [
        pytest.param((0, 0, 0), False, id="nobody else is in those grades"),
        pytest.param((30, 20, 10), False, id="the others there are many"),
        pytest.param((30, 25, 5), True, id="few of them have a need"),
        pytest.param((10, 9, 0), True, id="they are few"),
    ],
)
def test_bands_minus_schools_are_counts_too(rest, betrays):
    """The middle school M has grades 6 to 8, as the school E has that begins with kindergarten."""
    crossed = {
        cell: dict(zip("123", row, strict=True))
        for cell, row in (
            (("M", "6-8"), (90, 80, 70)),
            (("E", "K-5"), (90, 80, 70)),
            (("E", "6-8"), rest),
        )
        if any(row)
    }
    seen = [Hidden(frozenset(cells)) for cells in ([], [("grade_band", "6-8", "3")])]
    told = [betrays_cohort(crossed, CT, hidden=it, breakdowns=NESTED) for it in seen]
    assert told == [betrays, betrays and sum(rest) < 20]
    for name in NESTED:
        withheld = Hidden(withheld=frozenset({name}))
        assert not betrays_cohort(crossed, CT, hidden=withheld, breakdowns=NESTED)


# --- under attack ---------------------------------------------------------------------------


def a_population(chance, *, students, schools, categories):
    """Invent students: a school, a band, a language, and a category for each of two metrics."""
    weights = [chance.random() ** 3 + 0.01 for _ in range(schools)]
    shares = [[chance.random() ** 2 + 0.01 for _ in range(categories)] for _ in range(2)]
    return [
        {
            "school": f"s{chance.choices(range(schools), weights)[0]}",
            "grade_band": f"b{chance.choices(range(4), (1, 20, 20, 30))[0]}",
            "language": f"l{chance.choices(range(6), (100, 30, 4, 2, 1, 1))[0]}",
            "tier": f"t{chance.choices(range(categories), shares[0])[0]}",
            "need": f"n{chance.choices(range(categories), shares[1])[0]}",
        }
        for _ in range(students)
    ]


def metrics_of(people):
    found, blocks = [], {(b, p[b]): p["block"] for p in people if "block" in p for b in NESTED}
    for name in ("tier", "need"):
        categories = tuple(sorted({person[name] for person in people}))
        breakdowns = {}
        for breakdown in ("school", "grade_band", "language"):
            groups = sorted({person[breakdown] for person in people})
            counted = Counter((person[breakdown], person[name]) for person in people)
            breakdowns[breakdown] = {g: {c: counted[g, c] for c in categories} for g in groups}
        counted = Counter(person[name] for person in people)
        district = {c: counted[c] for c in categories}
        metric = Metric(name, categories, district, breakdowns)
        found.append(in_blocks(metric, blocks) if blocks else metric)
    return found


def with_high_schools(chance, people, *, schools):
    """Children of the upper bands go to schools of their own."""
    for person in people:
        is_high = person["grade_band"] in ("b2", "b3")[2 - schools :]
        person["block"] = "high" if is_high else "low"
        if is_high:
            person["school"] = f"h{chance.choices(range(schools), (9, 1)[:schools])[0]}"
    return people


def publish(people, policy):
    metrics = metrics_of(people)
    groups = hide_groups(sizes_of(*metrics), policy, blocks=metrics[0].blocks)
    return metrics, {m.name: hide_counts(m, policy, groups=groups) for m in metrics}


@pytest.mark.parametrize("name", list(presets()))
@pytest.mark.parametrize("seed", range(6))
def test_no_hidden_count_falls_to_linear_programming(name, seed):
    chance = random.Random(f"{name} {seed}")
    policy = policy_of(name)
    people = a_population(chance, students=chance.choice((60, 250, 900)), schools=5, categories=4)
    metrics, hidden = publish(people, policy)
    told = [m for m in metrics if ALL not in hidden[m.name].withheld]
    widths = narrowest(told, policy, hidden=hidden)
    assert [n for n, width in widths.items() if width < policy.numerator_minimum - 1.001] == []


@pytest.mark.parametrize(("schools", "seed"), [(1, 4), (2, 0), (2, 3)])
def test_the_bands_of_a_high_school_betray_no_count(schools, seed):
    """The attacker knows that the upper bands are the children of the high schools."""
    chance = random.Random(f"blocks {seed} {schools}")
    people = a_population(chance, students=chance.choice((250, 900)), schools=3, categories=4)
    metrics, hidden = publish(with_high_schools(chance, people, schools=schools), CT)
    told = [m for m in metrics if ALL not in hidden[m.name].withheld]
    widths = narrowest(told, CT, hidden=hidden)
    weak = [n for n, width in widths.items() if width < CT.numerator_minimum - 1.001]
    metric_of = {metric.name: metric for metric in metrics}
    assert [n for n in weak if n[0] == "size" or is_sensitive(metric_of[n[0]], CT, n[1:])] == []


def badly_hidden(chance, policy):
    """A small table of which some complements are told, and what a reader knows of the rest.

    Counts that are hidden for what stands around them, as their total or the size of their
    group is hidden, stay hidden: no table is without them.
    """
    size = chance.choice((3, 6, 12, 40))
    rows = {
        f"g{n}": [
            chance.choice((0, chance.randrange(1, 6), chance.randrange(size, 6 * size)))
            for _ in range(3)
        ]
        for n in range(chance.randrange(2, 5))
    }
    # Some have groups whose size is hidden, which is known to add up to the district's.
    for n in range(chance.choice((0, 0, 2, 3))):
        rows[f"h{n}"] = [chance.randrange(3) for _ in range(3)]
    metric = a_metric(rows)
    hidden = hidden_of(metric, policy)
    of_schools = {c for c in hidden.cells if c[0] == "school"}
    columns = {c for b, _, c in hidden.cells if b == ALL}
    rest = [
        ("school", g, c)
        for _, g, c in sorted(of_schools - hidden.bounded)
        if not is_sensitive(metric, policy, ("school", g, c))
        and c not in columns
        and ("school", g) not in hidden.groups
    ]
    if len(of_schools) == sum(map(len, rows.values())):
        rest = []
    hidden = replace(
        hidden,
        cells=hidden.cells - set(chance.sample(rest, chance.randrange(len(rest) + 1))),
    )
    left = sorted(c for c in hidden.cells - hidden.bounded if c[0] == "school")
    known = set(chance.sample(left, min(len(left), chance.choice((0, 0, 1, 2)))))
    return metric, hidden, known | {(ALL, ALL, c) for _, _, c in known}


# Beside the first sixty, tables in which totals and sizes have just room enough, or just not.
NARROW = {"ct_csde": (190, 203), "n10": (70, 263), "delaware": (119, 204), "utah": (191,)}


@pytest.mark.parametrize("name", list(presets()))
def test_what_is_called_weak_is_what_linear_programming_finds(name):
    """No more, or too much would be hidden; no less, or it would be told."""
    policy, seen = policy_of(name), 0
    for seed in (*range(60), *NARROW[name]):
        metric, hidden, known = badly_hidden(random.Random(f"{name} {seed}"), policy)
        if hidden.withheld:
            continue
        weak = weak_cells(metric, policy, hidden=hidden, known=known)
        widths = narrowest([metric], policy, hidden={"tier": hidden}, known={"tier": known})
        found = {
            n[1:]
            for n in widths
            if n[0] != "size" and widths[n] < policy.numerator_minimum - 1.001
        }
        assert {c for c in found if c[0] == "school"} == {c for c in weak if c[0] == "school"}, (
            seed
        )
        seen += len(weak)
    assert seen > 20


def test_the_attack_finds_what_is_badly_hidden():
    """Without complements the attack does succeed: it is not blind."""
    policy = policy_of("ct_csde", complementary="none")
    people = a_population(random.Random(7), students=600, schools=5, categories=4)
    metrics, hidden = publish(people, policy)
    assert min(narrowest(metrics, policy, hidden=hidden).values()) == pytest.approx(0)


def test_most_counts_of_a_large_district_are_told():
    people = a_population(random.Random(11), students=3000, schools=6, categories=4)
    metrics, hidden = publish(people, CT)
    for metric in metrics:
        assert not hidden[metric.name].withheld
        every = sum(len(r) for rows in metric.breakdowns.values() for r in rows.values())
        assert len(hidden[metric.name].cells) < every * 0.6


def test_what_was_told_yesterday_is_no_cover_today():
    metric = a_metric({"A": (30, 40, 5), "B": (31, 41, 50), "C": (300, 400, 500)})
    hidden = hidden_of(metric)
    assert not weak_cells(metric, CT, hidden=hidden)
    known = {cell for cell in hidden.cells if cell != ("school", "A", "3")}
    assert ("school", "A", "3") in weak_cells(metric, CT, hidden=hidden, known=known)
    widths = narrowest([metric], CT, hidden={"tier": hidden}, known={"tier": known})
    assert widths["tier", "school", "A", "3"] == pytest.approx(0)


def test_what_was_hidden_stays_hidden_when_asked():
    metric = a_metric({"A": (30, 40, 5), "B": (31, 41, 50), "C": (300, 400, 500)})
    kept = [("school", "C", "2"), ("school", "gone", "2")]
    hidden = hidden_of(metric, keep_hidden=kept)
    assert ("school", "C", "2") in hidden.cells
    assert not weak_cells(metric, CT, hidden=hidden)


def test_nothing_hidden_is_nothing_weak():
    metric = a_metric({"A": (30, 30, 30), "B": (30, 30, 30)})
    assert weak_cells(metric, CT, hidden=Hidden()) == ()


# --- two nights -----------------------------------------------------------------------------


def a_night_later(chance, people):
    """A few children change their tier, one comes and one leaves."""
    later = [dict(person) for person in people]
    for person in chance.sample(later, 5):
        person["tier"] = chance.choice(sorted({p["tier"] for p in people}))
    return [*later[1:], dict(chance.choice(later))]


@pytest.mark.parametrize("seed", [4, 8, 9, 13, 23, 37])
def test_two_nights_together_tell_no_small_count(seed):
    """The attacker has both and believes that what was told once is still so.

    Each hidden by itself would do so, of these.
    """
    chance = random.Random(f"nights {seed}")
    people = a_population(chance, students=700, schools=5, categories=4)
    (first, _), hidden = publish(people, CT)
    last = Snapshot(first, hidden["tier"])
    (second, _), alone = publish(a_night_later(chance, people), CT)
    groups = hide_groups(sizes_of(second), CT)
    now = hide_counts_beside(second, CT, groups=groups, last=last)
    assert now != alone["tier"]
    nights = ((first, hidden["tier"], second, now), (second, now, first, hidden["tier"]))
    for metric, own, other, others in nights:
        widths = narrowest(
            [metric], CT, hidden={"tier": own}, known={"tier": set(told(other, others))}
        )
        for name, width in widths.items():
            if name[0] == "tier" and is_sensitive(metric, CT, name[1:]):
                assert width >= CT.numerator_minimum - 1.001


def test_sizes_that_are_hidden_together_stay_so_while_one_would_tell_the_other():
    """Eleven speak the two languages; were the thirty told, the three were known."""
    words = {"name": "students", "categories": ("enrolled",), "breakdown": "language"}
    first = a_metric({"x": (3,), "y": (8,), "z": (400,)}, **words)
    groups = hide_groups(sizes_of(first), CT)
    cells = frozenset((*group, "enrolled") for group in groups.groups)
    last = Snapshot(first, Hidden(cells, groups.groups))
    second = a_metric({"x": (30,), "y": (8,), "z": (400,)}, **words)
    assert hide_groups(sizes_of(second), CT).groups == frozenset()
    assert hide_groups_beside(second, CT, last=last).groups == groups.groups
    # A total that was told and is small now: nothing hides it from who has the last ones.
    third = a_metric({"x": (30,), "y": (30,), "z": (3,)}, **words)
    last = Snapshot(second, Hidden())
    alone = hide_groups(sizes_of(third), CT)
    assert hide_groups_beside(third, CT, last=last) == alone
    assert ("language", "z") in alone.groups
