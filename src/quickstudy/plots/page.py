"""One self-contained page of results: tables with intervals, conclusions, figures, and how it was made."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from quickstudy.plots.style import svg
from quickstudy.reports.comparison import Comparison
from quickstudy.reports.report import Report
from quickstudy.reports.words import amount, between, difference, is_share
from quickstudy.reports.worlds import World, heading, shared_by
from quickstudy.storage.files import write_whole
from quickstudy.storage.outputs import SOFTWARE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Illustration", "Listing", "Page"]


@dataclass(frozen=True)
class Illustration:
    """A figure with its heading and a caption."""

    heading: str
    figure: "Figure"
    caption: str


@dataclass(frozen=True)
class Listing:
    """A table with its heading and a note below it."""

    heading: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str


@dataclass(frozen=True)
class Page:
    """The content of a page; `html` is the page as one text that needs no other file, `write` puts it on disk.

    Args:
        title: of the page.
        conclusion: paragraphs in plain words, such as `quickstudy.reports.compare.conclude` gives.
        reports: rows of the table.
        comparisons: rows of the table of paired differences.
        illustrations: figures, in order.
        listings: more tables, before the figures.
        making: how it was made: command, seed, versions, minutes.
        next_steps: commands to try, and what each does.

    >>> page = Page("Toys", ["A beats B."], [], making={"seed": "0"})
    >>> page.html().startswith("<!doctype html>"), "<script" in page.html()
    (True, False)
    """

    title: str
    conclusion: Sequence[str]
    reports: Sequence[Report]
    comparisons: Sequence[Comparison] = ()
    illustrations: Sequence[Illustration] = ()
    listings: Sequence[Listing] = ()
    making: Mapping[str, str] = field(default_factory=dict)
    next_steps: Mapping[str, str] = field(default_factory=dict)

    def html(self) -> str:
        """The whole page."""
        parts = [
            f"<h1>{escape(self.title)}</h1>",
            *(f'<p class="lead">{escape(line)}</p>' for text in self.conclusion for line in text.splitlines()),
            _reports(self.reports),
            _comparisons(self.comparisons),
            *(_listing(found) for found in self.listings),
            *(_illustration(number, found) for number, found in enumerate(self.illustrations)),
            _next(self.next_steps),
            _making(self.making),
        ]
        return (
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            f'<meta name="generator" content="{SOFTWARE}">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{escape(self.title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
            + "\n".join(part for part in parts if part)
            + "\n</main>\n</body>\n</html>\n"
        )

    def write(self, path: str | Path) -> None:
        """Writes the page, whole or not at all.

        Raises:
            ArtefactError: the file cannot be written; an old one survives.
        """
        write_whole(Path(path), self.html().encode(errors="xmlcharrefreplace"))


def _reports(reports: Sequence[Report]) -> str:
    if not reports:
        return ""
    worlds = _worlds(reports)
    intervals = [f"95 % interval, {name}" for name in worlds.values()]
    head = ["learner", reports[0].metric, *intervals, "tasks", "setting", "norm", "ms a task", "bytes a task"]
    rows = [[report.model, *_numbers(report, list(worlds))] for report in reports]
    lists = sorted({(report.source, report.digest, report.seed) for report in reports})
    listed = "; ".join(f"{source}, seed {seed}, task list {digest}" for source, digest, seed in lists)
    note = (
        f"Tasks: {listed}. Intervals are 95 % t-intervals of the mean for {_explained(reports)}, for one "
        "training of each learner. “ms a task” is the median time to adapt to one support set, “bytes a task” what is then "
        "remembered. “norm” names the statistics that batch norms use; inductive: each query is answered on its own."
    )
    return f"<h2>Results</h2>{_table(head, rows)}<p class='note'>{escape(note)}</p>"


def _worlds(found: Sequence[Report | Comparison]) -> dict[World, str]:
    """The worlds of all rows with their headings, in order."""
    return {world: heading(world, shared_by(each.classes, each.units)) for each in found for world in each.intervals}


def _explained(found: Sequence[Report | Comparison]) -> str:
    """The worlds in words, each with its heading."""
    words = {world: (name, each.for_world(world)) for each in found for world, name in _worlds([each]).items()}
    return " and for ".join(long if name == long else f"{long} (“{name}”)" for name, long in words.values())


def _numbers(report: Report, worlds: Sequence[World]) -> list[str]:
    cells, metric, found = report.row(), report.metric, report.intervals
    size = "unknown" if report.state_bytes is None else f"{report.state_bytes:,}"
    return [
        amount(report.mean, metric),
        *[between(found[world], metric).removesuffix(" %") if world in found else "" for world in worlds],
        cells["tasks"],
        cells["setting"],
        cells["norm"],
        cells["ms a task"],
        size,
    ]


def _comparisons(comparisons: Sequence[Comparison]) -> str:
    if not comparisons:
        return ""
    worlds = _worlds(comparisons)
    unit = "difference, points" if is_share(comparisons[0].metric) else "difference"
    head = ["pair", unit, *[f"{name}: {what}" for name in worlds.values() for what in ("95 % interval", "p", "better")], "tasks"]
    rows = []
    for pair in comparisons:
        cells = [cell for world in worlds for cell in _cells(pair, world)]
        rows.append([f"{pair.a} − {pair.b}", difference(pair.difference, pair.metric), *cells, f"{len(pair.differences):,}"])
    note = (
        f"Differences are taken task by task, on the same tasks. Intervals and t-tests hold for {_explained(comparisons)}. "
        "“better”: p < 0.05, else the two are not told apart. Intervals and p are not widened for the number of comparisons."
    )
    return f"<h2>Paired differences</h2>{_table(head, rows)}<p class='note'>{escape(note)}</p>"


def _cells(pair: Comparison, world: World) -> list[str]:
    """Interval, p and the better model of a pair in one world."""
    if world not in pair.intervals:
        return ["", "", ""]
    low, high = pair.intervals[world]
    shown = f"{difference(low, pair.metric)} to {difference(high, pair.metric)}" if math.isfinite(low) else "none"
    return [shown, f"{pair.p_values[world]:.1g}", pair.better(world) or "not told apart"]


def _table(head: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    top = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>' + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:]) + "</tr>"
        for row in rows
    )
    return f'<div class="wide"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def _listing(found: Listing) -> str:
    return f"<h2>{escape(found.heading)}</h2>{_table(found.head, found.rows)}<p class='note'>{escape(found.note)}</p>"


def _illustration(number: int, found: Illustration) -> str:
    drawn = svg(found.figure, salt=f"figure {number}")
    label = escape(f"{found.heading}. {found.caption}", quote=True)
    drawn = re.sub(r"<svg ", f'<svg role="img" aria-label="{label}" ', drawn, count=1)
    return (
        f"<h2>{escape(found.heading)}</h2><figure><div class='wide'>{drawn}</div>"
        f"<figcaption>{escape(found.caption)}</figcaption></figure>"
    )


def _next(steps: Mapping[str, str]) -> str:
    if not steps:
        return ""
    items = "".join(f"<li>{escape(what)}<pre><code>{escape(command)}</code></pre></li>" for command, what in steps.items())
    return f"<h2>What to try next</h2><ul>{items}</ul>"


def _making(facts: Mapping[str, str]) -> str:
    if not facts:
        return ""
    items = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts.items())
    return f"<h2>How it was made</h2><dl>{items}</dl>"


_STYLE = """
:root { color-scheme: light dark; --text: #1f2328; --paper: #ffffff; --quiet: #59636e; --line: #d1d9e0; --tint: #f6f8fa; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e6edf3; --paper: #14181d; --quiet: #9198a1; --line: #3d444d; --tint: #1d232a; --grid: #4a525c;
    --hue-0: #4aa8e0; --hue-1: #f08a4b; --hue-2: #2fbf93; }
}
body { margin: 0; background: var(--paper); color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 58rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.7rem; line-height: 1.2; } h2 { font-size: 1.2rem; margin: 2.4rem 0 .6rem; }
.lead { font-size: 1.05rem; } .note, figcaption { color: var(--quiet); font-size: .85rem; }
.wide { overflow-x: auto; } figure { margin: 0; }
table { border-collapse: collapse; font-size: .88rem; font-variant-numeric: tabular-nums; white-space: nowrap; }
th, td { padding: .35rem .6rem; text-align: right; border-bottom: 1px solid var(--line); font-weight: normal; }
thead th { color: var(--quiet); } tbody th { position: sticky; left: 0; background: var(--paper); font-weight: 600; }
th:first-child { text-align: left; padding-left: 0; }
svg { height: auto; max-width: 100%; min-width: 22rem; }
pre { background: var(--tint); border: 1px solid var(--line); border-radius: 6px; padding: .5rem .7rem; overflow-x: auto; }
pre { margin: .3rem 0 .8rem; }
code { font: .88rem ui-monospace, monospace; } ul { padding-left: 1.1rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; font-size: .9rem; }
dt { color: var(--quiet); } dd { margin: 0; overflow-wrap: anywhere; }
"""
