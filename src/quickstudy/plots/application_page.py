"""The page of an application: what its learner is worth beside other methods and its controls; and one page of all of them."""

import math
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from quickstudy.apps.application import Application
from quickstudy.plots.application import gains_figure, scores_figure
from quickstudy.plots.page import Illustration, Listing, Page
from quickstudy.reports.appraisal import Appraisal, Entry, Row, signed
from quickstudy.reports.words import amount, between

__all__ = ["application_page", "summary_page"]


def application_page(application: Application, found: Appraisal, folder: Path, *, adapts: bool = True) -> Page:
    """The page of one application.

    Args:
        application: with its words.
        found: its table.
        folder: of its runs.
        adapts: whether `quickstudy adapt` takes the learner, which knows then how to read what users have.
    """
    run = shlex.quote(str(folder))
    quick = ["Mind: made with tiny settings; these numbers mean nothing."] if found.quick else []
    words = {"For whom": application.who, "What to bring": application.bring, "Limits": application.limits}
    verdicts = [f"{row.name}: {row.verdict}." for row in found.rows]
    return Page(
        title=found.title,
        conclusion=[*quick, *[f"{name}: {text}" for name, text in words.items()], *verdicts],
        reports=(),
        listings=[_scores(found), _gains(found), *_others(found)],
        illustrations=_figures(found),
        making={"data": application.data, **found.facts},
        next_steps={
            f"quickstudy adapt {run} MY_EXAMPLES -o mine.safetensors": "Adapt the learner to examples of your own.",
            "quickstudy predict mine.safetensors NEW": "Ask what it learned.",
        }
        if adapts
        else {f"import quickstudy; learner = quickstudy.load({f'{folder}/best.safetensors'!r})": "Take the learner in Python."},
    )


def summary_page(found: Sequence[Appraisal]) -> Page:
    """One page of all applications that were appraised.

    Args:
        found: their tables.
    """
    rows = [[f"{each.application}, {row.name}", *_summary(row)] for each in found for row in each.rows if row.best is not None]
    kept = [row.kept(promise) for each in found for row in each.rows for promise in row.promises]
    promised = [each for each in kept if each is not None]
    quick = [each.application for each in found if each.quick]
    note = (
        "“gain” is that of the learner over the best baseline of the row on the same tasks, positive where it is better, "
        "with its 95 % interval by new units (classes, patients) where there are ten or more, else by tasks. “shuffled” is the "
        "gain over the learner itself with the targets of each support set shuffled: what the support set is worth."
    )
    head = ["application", "promise", "gain", "95 % interval", "metric", "learner", "best baseline", "of it", "for", "shuffled"]
    return Page(
        title="Applications",
        conclusion=[
            f"{len(found)} application{'s' if len(found) > 1 else ''}, {len(rows)} rows; {sum(promised)} of {len(promised)} "
            "promises are kept.",
            *([f"Mind: {', '.join(quick)} were made with tiny settings, whose numbers mean nothing."] if quick else []),
        ],
        reports=(),
        listings=[Listing("All rows", head, rows, note)],
        illustrations=[figure for each in found for figure in _figures(each)],
    )


def _figures(found: Appraisal) -> list[Illustration]:
    metric = found.rows[0].learner.metric
    scores = [
        Illustration(
            f"{found.title}: {metric} by the size of a task" + (f", {name}" if name else ""),
            scores_figure(rows),
            "Thick: the learner. Dotted: its controls. Bands are 95 % intervals for other tasks of the same kind.",
        )
        for name, rows in _curves(found).items()
        if len(rows) > 1
    ]
    gains = Illustration(
        f"{found.title}: gains on the same tasks",
        gains_figure(found),
        "Dots: over baselines; rings: over the controls. Intervals are paired, by new units where there are ten or more.",
    )
    return [*scores, gains]


def _curves(found: Appraisal) -> dict[str, list[Row]]:
    """Rows that differ in their size alone, by what their names have in common: "5-way 1-shot" and "5-way 5-shot" by "5-way"."""
    if len({row.size for row in found.rows}) == len(found.rows):
        return {"": list(found.rows)}
    curves: dict[str, list[Row]] = {}
    for row in found.rows:
        curves.setdefault(_without_size(row), []).append(row)
    return {name: rows for name, rows in curves.items() if len({row.size for row in rows}) == len(rows)}


def _without_size(row: Row) -> str:
    """The name of a row without its size, which is the last such number, and without the word that says of what."""
    sizes = list(re.finditer(rf"(?<![\w.]){re.escape(f'{row.size:g}')}(?![\w.])(-\w+| \w+)?", row.name))
    if not sizes:
        return row.name
    start, end = sizes[-1].span()
    return " ".join(f"{row.name[:start]}{row.name[end:]}".split()).strip(" ,")


def _summary(row: Row) -> list[str]:
    assert row.best is not None
    metric, (gain, bounds), pair = row.learner.metric, row.gain(row.best), row.pair(row.best)
    kept = "not evaluated" if row.reached is None else "kept" if row.reached else "missed"
    promise = kept if row.promises else "none"
    shuffled = next((e for e in row.others("control") if e.report.model == "labels shuffled"), None)
    return [
        promise,
        signed(gain, metric),
        _bounds(bounds, metric),
        metric,
        amount(row.learner.mean, metric),
        row.best.report.model,
        amount(row.best.report.mean, metric),
        pair.for_world(row.world(pair)),
        "" if shuffled is None else signed(row.gain(shuffled)[0], metric),
    ]


def _scores(found: Appraisal) -> Listing:
    by_model: dict[str, dict[str, Entry]] = {}
    for row in found.rows:
        for entry in row.entries:
            by_model.setdefault(entry.report.model, {})[row.name] = entry
    rows = [
        [model, next(iter(entries.values())).role, *[_cell(entries.get(row.name)) for row in found.rows]]
        for model, entries in by_model.items()
    ]
    counts = "; ".join(f"{row.name} {len(row.learner.scores):,}" for row in found.rows)
    first = found.rows[0].learner
    better = "higher" if first.higher_is_better else "lower"
    note = f"{first.metric}, {better} is better; mean with its 95 % interval for other tasks of the same kind. Tasks: {counts}."
    note += f" The learner's scores are means over {len(found.seeds)} training{'s' if len(found.seeds) > 1 else ''}."
    return Listing("Scores", ["model", "is", *[row.name for row in found.rows]], rows, note)


def _cell(entry: Entry | None) -> str:
    if entry is None:
        return ""
    metric = entry.report.metric
    return f"{amount(entry.report.mean, metric)} ({between(entry.report.interval, metric).removesuffix(' %')})"


def _gains(found: Appraisal) -> Listing:
    rows = []
    for row in found.rows:
        for entry in row.entries:
            if entry.role == "learner":
                continue
            gain, bounds = row.gain(entry)
            pair, metric = row.pair(entry), row.learner.metric
            told = "better" if bounds[0] > 0 else "worse" if bounds[1] < 0 else "not told apart"
            cells = [signed(gain, metric), _bounds(bounds, metric), pair.for_world(row.world(pair)), told, entry.choice]
            rows.append([f"{row.name}: {entry.report.model}", entry.role, *cells])
    head = ["over", "is", "gain", "95 % interval", "for", "the learner is", "tuned"]
    note = (
        "Gains are paired, task by task; positive: the learner is better. Intervals are not widened for the number of baselines. "
        "A gain that a control has too is no adaptation. “tuned”: the choice on meta-validation tasks."
    )
    return Listing("Gains", head, rows, note)


def _others(found: Appraisal) -> list[Listing]:
    """The metrics beside the main one."""
    names = list(dict.fromkeys(s.metric for row in found.rows for entry in row.entries for s in entry.report.others))
    if not names:
        return []
    rows = []
    for row in found.rows:
        for entry in row.entries:
            known = {score.metric: score.value for score in entry.report.others}
            cells = [f"{known[name]:.4g}" if name in known else "" for name in names]
            rows.append([f"{row.name}: {entry.report.model}", *cells])
    return [Listing("Other metrics", ["model", *names], rows, "Means over the tasks for which they are defined.")]


def _bounds(bounds: tuple[float, float], metric: str) -> str:
    return f"{signed(bounds[0], metric)} to {signed(bounds[1], metric)}" if math.isfinite(bounds[0]) else "none"
