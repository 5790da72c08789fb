"""The results as a page, and their plots as SVG: bars, made here, without a library."""

from html import escape
from pathlib import Path
from typing import Any

WIDTH, BAR, GAP, LEFT = 720, 22, 10, 190
COLOURS = {"ours": "#1f6f8b", "baseline": "#b0b7bd"}
PEER_COLOUR = "#e08e45"
STAGE_COLOURS = (
    *("#1f6f8b", "#e08e45", "#7a9e4c", "#8c5a9e", "#c7524a"),
    *("#4f9d97", "#b3a436", "#77808a", "#d48fb0", "#5a5f9e"),
)
TITLES = {
    "first_load": "First load of the year",
    "sent_again": "The whole year sent again, 1 % changed",
    "delta": "A delta of 1 %",
    "tiny_files": "A thousand files of one row each",
    "build": "The build, against its SQL in psql",
    "nights": "Nights, by stage",
    "publish": "The end of a night, by its parts",
    "growth": "One night after a short and a long history, by stage",
    "many_nights": "The same rows corrected night after night, tidied twice, by stage",
    "airflow": "Under Airflow: a file to reports, its publishing, and a night without news",
    "peers": "First load of the year, by other tools too",
    "checks": "Six checks of the year's attendance, three of which fail",
}
BY_STAGE = frozenset({"nights", "publish", "growth", "many_nights", "airflow"})
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<title>What a night costs</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem}}
table{{border-collapse:collapse}}td,th{{padding:.2rem .8rem;text-align:right}}
td:first-child,th:first-child{{text-align:left}}</style></head><body>
<h1>What a night costs, size {size}</h1><p>{rows} rows of attendance.</p>{body}</body></html>
"""


def write_page(results: dict[str, Any], folder: Path) -> None:
    """Write one SVG for each scenario, and a page that holds them with the figures."""
    parts = []
    for name, found in results["scenarios"].items():
        kinds = {
            k: kind for k, kind in found.items() if isinstance(kind, dict) and "median" in kind
        }
        svg = _stages(kinds) if name in BY_STAGE else _bars(kinds)
        (folder / f"{results['size']}-{name}.svg").write_text(svg, encoding="utf-8")
        parts.append(f"<h2>{TITLES[name]}</h2>{svg}{_table(kinds, found)}")
    text = PAGE.format(
        size=escape(results["size"]),
        rows=f"{results['rows']['full']:,}",
        body="".join(parts),
    )
    (folder / f"{results['size']}.html").write_text(text, encoding="utf-8")


def _bars(kinds: dict[str, Any]) -> str:
    """Median seconds as a bar, least to most as a line on it."""
    longest = max(kind["most"] for kind in kinds.values()) or 1
    shapes = []
    for place, (name, kind) in enumerate(kinds.items()):
        top = place * (BAR + GAP) + GAP
        shapes.append(_label(name, top))
        shapes.append(
            _bar(
                LEFT, top, _length(kind["median"], longest), COLOURS.get(_whose(name), PEER_COLOUR)
            )
        )
        low, high = (LEFT + _length(kind[end], longest) for end in ("least", "most"))
        middle = top + BAR / 2
        shapes.append(
            f'<path d="M{low:.0f} {middle}H{high:.0f}" stroke="#222" stroke-width="2"/>'
            f'<text x="{high + 6:.0f}" y="{top + 16}">{kind["median"]:.2f} s</text>'
        )
    return _svg(shapes, rows=len(kinds))


def _stages(kinds: dict[str, Any]) -> str:
    """Each night as one bar of its stages."""
    longest = max(sum(kind["stages"].values()) for kind in kinds.values()) or 1
    names = list(dict.fromkeys(stage for kind in kinds.values() for stage in kind["stages"]))
    colour = {name: STAGE_COLOURS[n % len(STAGE_COLOURS)] for n, name in enumerate(names)}
    shapes = []
    for place, (name, kind) in enumerate(kinds.items()):
        top, left = place * (BAR + GAP) + GAP, float(LEFT)
        shapes.append(_label(name, top))
        for stage, seconds in kind["stages"].items():
            width = _length(seconds, longest)
            shapes.append(_bar(left, top, width, colour[stage], title=f"{stage} {seconds:.2f} s"))
            left += width
        shapes.append(f'<text x="{left + 6:.0f}" y="{top + 16}">{kind["median"]:.1f} s</text>')
    top = len(kinds) * (BAR + GAP) + GAP
    for number, name in enumerate(names):
        left, row = 10 + number % 5 * 140, top + number // 5 * 24
        shapes.append(_bar(left, row, 14, colour[name], height=14))
        shapes.append(f'<text x="{left + 20}" y="{row + 12}">{escape(name)}</text>')
    return _svg(shapes, rows=len(kinds) + 2)


def _whose(name: str) -> str:
    """The side that a kind of run belongs to: its name up to a comma."""
    return name.partition(",")[0]


def _length(seconds: float, longest: float) -> float:
    return seconds / longest * (WIDTH - LEFT - 110)


def _label(name: str, top: float) -> str:
    return f'<text x="10" y="{top + 16}">{escape(name)}</text>'


def _bar(
    left: float, top: float, width: float, colour: str, *, height: int = BAR, title: str = ""
) -> str:
    told = f"<title>{escape(title)}</title>" if title else ""
    return (
        f'<rect x="{left:.1f}" y="{top}" width="{max(width, 0.5):.1f}" height="{height}"'
        f' fill="{colour}">{told}</rect>'
    )


def _svg(shapes: list[str], *, rows: int) -> str:
    height = rows * (BAR + GAP) + GAP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img"'
        f' font-family="sans-serif" font-size="14" width="{WIDTH}">{"".join(shapes)}</svg>\n'
    )


def _table(kinds: dict[str, Any], found: dict[str, Any]) -> str:
    """The figures, and what a kind leaves out; spread where a kind was run more than once."""
    figures = {
        "median s": "median",
        **({"least": "least", "most": "most"} if _is_repeated(kinds) else {}),
        "its CPU s": "client_cpu",
        "server CPU s": "server_cpu",
        "peak MB": "peak_rss_mb",
        "WAL MB": "wal_mb",
        "temp MB": "temp_mb",
    }
    heads = "".join(f"<th>{head}</th>" for head in figures)
    rows = "".join(
        f"<tr><td>{escape(name)}</td>"
        + "".join(f"<td>{_figure(kind, key)}</td>" for key in figures.values())
        + "</tr>"
        for name, kind in kinds.items()
    )
    notes = "".join(
        f"<li>{escape(name)}: {escape(kind['note'])}.</li>"
        for name, kind in kinds.items()
        if kind.get("note")
    )
    told = ""
    if "ratio" in found:
        told = (
            f"<p>Ours is {found['ratio']} times the baseline, and {found['cpu_ratio']} times its"
            " processor seconds.</p>"
        )
    if "ratios" in found:
        ratios = ", ".join(f"{stage} {ratio}" for stage, ratio in found["ratios"].items())
        told = f"<p>The long history as a multiple of the short one: {escape(ratios)}.</p>"
    machine = found["machine"]
    return (
        f"<table><tr><th></th>{heads}</tr>{rows}</table>{_sizes(kinds)}<ul>{notes}</ul>{told}"
        f"<p>{machine['cores']} cores, {machine['memory_gb']} GB, load {machine['load']} at the"
        f" end, {machine['measured_at']}.</p>"
    )


def _figure(kind: dict[str, Any], key: str) -> str:
    """A peak of nothing was not measured."""
    return "?" if key == "peak_rss_mb" and not kind[key] else f"{kind[key]:,}"


def _sizes(kinds: dict[str, Any]) -> str:
    """What stood on the disk after each, where that was looked at."""
    looked = {
        name: kind["runs"][-1]["said"]["sizes"]
        for name, kind in kinds.items()
        if "sizes" in kind["runs"][-1]["said"]
    }
    if not looked:
        return ""
    columns = list(dict.fromkeys(column for found in looked.values() for column in found))
    heads = "".join(f"<th>{escape(column)}</th>" for column in columns)
    rows = "".join(
        f"<tr><td>{escape(name)}</td>"
        + "".join(f"<td>{found.get(column, 0):,}</td>" for column in columns)
        + "</tr>"
        for name, found in looked.items()
    )
    return f"<p>MB, and counts:</p><table><tr><th></th>{heads}</tr>{rows}</table>"


def _is_repeated(kinds: dict[str, Any]) -> bool:
    return any(len(kind["runs"]) > 1 for kind in kinds.values())
