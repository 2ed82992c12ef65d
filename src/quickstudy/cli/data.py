"""``quickstudy data SPEC``: what was read of data, before anything is trained on it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from quickstudy.cli.command import READING, command
from quickstudy.cli.console import out, print_json, progress, say
from quickstudy.tasks.open_data import Reading

if TYPE_CHECKING:
    from quickstudy.checks.finding import Diagnosis
    from quickstudy.checks.overview import Overview

__all__ = ["data"]

_WIDEST = 40
_MOST_COLUMNS = 6
_CHECKS = ("sources", "class names", "examples", "copies", "class columns", "positions", "diversity")
"""Those of the doctor's checks that take seconds."""


@command
def data(
    spec: str,
    /,
    *,
    seed: int = 0,
    json_: Annotated[bool, Parameter(name="--json", negative=())] = False,
    reading: READING = Reading(),  # noqa: B008  a frozen record
) -> None:
    """Show what is read of data: rows, classes or tasks, sizes, missing values, duplicates, the split, examples, and faults.

    Args:
        spec: name of a data set, for example glyphs; a folder or a ZIP of class folders of images, or of folders train, val and
            test with class folders each; a table (.csv, .tsv, .jsonl, .parquet, also .gz); or file.py:function, which returns
            Splits, TableSplits or three sources.
        seed: of the split, where the data does not bring one, and of tasks.
        json_: print JSON instead of tables.
        reading: of data of your own.
    """
    from quickstudy.checks.doctor import examine, subject_of_data
    from quickstudy.checks.overview import overview

    found = overview(spec, reading, seed=seed, trust=True)
    with progress() as bar:
        task = bar.add_task("", total=None)
        faults = examine(
            subject_of_data(found.content, found.name),
            seed=seed,
            only=_CHECKS,
            progress=lambda name, done, total: bar.update(task, description=name, completed=done, total=total),
        )
    if json_:
        print_json(found.to_json() | {"doctor": _faults(faults)})
        return
    _show(found)
    _show_faults(faults, found)


def _faults(found: "Diagnosis") -> list[dict[str, Any]]:
    """Findings that are worse than a note."""
    worse = [finding for finding in found.findings if finding.how_bad.name != "NOTE"]
    return [{"how_bad": f.how_bad.name.lower(), "what": f.what, "remedy": f.remedy} for f in worse]


def _show(found: "Overview") -> None:
    say(f"{found.name}: {found.kind}" + (f", read by {found.reads}" if found.reads else ""))
    if found.parts:
        out.print(_parts(found))
    say(f"split: {found.split}" + (f". {found.trouble}" if found.trouble else ""))
    if found.most_ways is not None:
        say(f"tasks: up to {found.most_ways} ways; shots and queries of a class together up to {found.most_rows}")
    if found.kind == "rows of a table" or found.missing:
        listed = ", ".join(f"{name} {count:,}" for name, count in found.missing.items())
        say(f"missing values: {listed or 'none'}")
    say(f"duplicates: {_duplicates(found)}")
    say(f"digest: {found.digest}")
    out.print(_examples(found.examples))


def _duplicates(found: "Overview") -> str:
    if found.duplicates is None:
        return "not counted; rows are " + ("read on demand" if found.parts else "generated")
    if not found.duplicates:
        return "none"
    equal = "1 row equals" if found.duplicates == 1 else f"{found.duplicates:,} rows equal"
    other = f", {found.contradictions:,} of them with another label or target" if found.contradictions else ""
    return f"{equal} an earlier one{other}"


def _parts(found: "Overview") -> Table:
    parts = list(found.parts.values())
    unit = parts[0].sizes.unit
    many = "classes" if unit == "class" else "tasks"
    grouped, labelled = any(part.groups for part in parts), unit == "task" and any(part.classes for part in parts)
    head = ["part", "rows", many, f"rows per {unit}: least", "median", "most"]
    table = Table(*head, *(["groups"] if grouped else []), *(["classes"] if labelled else []), box=SIMPLE_HEAD)
    for name, part in found.parts.items():
        sizes = part.sizes
        ends = [f"{sizes.least:,}", f"{sizes.most:,}"]
        if sizes.least < sizes.most:
            ends = [f"{end} ({_cut(who)})" for end, who in zip(ends, (sizes.smallest, sizes.largest), strict=True)]
        row = [name, f"{part.rows:,}", f"{sizes.count:,}", ends[0], f"{sizes.median:,g}", ends[1]]
        row += ([f"{part.groups:,}"] if grouped else []) + ([f"{part.classes:,}"] if labelled else [])
        table.add_row(*row)
    return table


def _examples(rows: Any) -> Table:
    names = list(rows[0])
    shown = names[:_MOST_COLUMNS]
    title = "examples" if len(names) == len(shown) else f"examples, {len(shown)} of {len(names)} columns"
    table = Table(*shown, title=title, title_justify="left", box=SIMPLE_HEAD)
    for row in rows:
        table.add_row(*[_text(row, name) for name in shown])
    return table


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row[name]
    return "" if value is None else _cut(f"{value:g}" if isinstance(value, float) else " ".join(str(value).split()))


def _cut(text: str) -> str:
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 2]} …"


def _show_faults(faults: "Diagnosis", found: "Overview") -> None:
    colours = {"severe": "bold red", "warning": "yellow"}
    worse = _faults(faults)
    for finding in worse:
        out.print(Text(finding["how_bad"], colours[finding["how_bad"]]), end=" ")
        say(finding["what"])
        say(f"  what to do: {finding['remedy']}")
    looked = sum(observation.ran for observation in faults.observations.values())
    if not worse:
        say(f"faults: none found by {looked} quick checks; quickstudy doctor runs all")
