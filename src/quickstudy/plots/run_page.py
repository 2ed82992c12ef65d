"""The page of one run: how its learner was evaluated, and figures of the meta-training."""

import json
import shlex
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from quickstudy.errors import UserError
from quickstudy.monitoring.history import History
from quickstudy.plots.classes import classes_figure
from quickstudy.plots.page import Illustration, Listing, Page
from quickstudy.plots.training import adaptation_figure, progress_figure, step_size_figure, validation_figure
from quickstudy.reports.report import Report
from quickstudy.reports.words import amount, between
from quickstudy.runs.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["class_listings", "run_page", "training_figures"]


def run_page(run: Run, reports: Sequence[Report] | None = None) -> Page:
    """A run's log and its reports as one page.

    Args:
        run: a run, done or not.
        reports: of its learner; by default those that ``quickstudy evaluate`` has left in the folder.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run = Run(folder, "maml", {"data": "sinusoid", "steps": 20, "batch": 2})
    ...     _ = list(run.train())
    ...     [figure.heading for figure in run_page(run).illustrations]
    ['Objective and gradient norm', 'Validation', 'Adaptation']
    """
    history = History.of(run.folder)
    shown = list(reports) if reports is not None else _kept(run)
    folder = shlex.quote(str(run.folder))
    call = ", ".join(f"{name}={value}" for name, value in run.config["arguments"].items())
    versions = ", ".join(f"{name} {version}" for name, version in run.config["versions"].items())
    return Page(
        title=f"{run.config['recipe']} in {run.folder.name}",
        conclusion=[str(report) for report in shown] or [_standing(history)],
        reports=shown,
        illustrations=[*_class_figures(shown), *training_figures(history)],
        listings=[listing for report in shown for listing in class_listings(report)],
        making={
            "recipe": f"{run.config['recipe']}({call})",
            "seed": str(run.config["seed"]),
            "outer steps": f"{history.step:,}",
            "time in outer steps": str(timedelta(seconds=round(history.seconds))),
            "versions": versions,
        },
        next_steps={
            f"quickstudy watch {folder} --csv log.csv": "The numbers behind the curves, as a table.",
            f"quickstudy doctor {folder}": "What might be wrong with the data, the tasks or the learner.",
        },
    )


def class_listings(report: Report, most: int = 10) -> list[Listing]:
    """Tables of the classes of the lowest accuracy, and of the most frequent confusions."""
    found = report.by_class
    if found is None:
        return []
    what = "column" if found.by == "column" else "class"
    worst = [
        [
            s.name,
            amount(s.accuracy, "accuracy"),
            between(s.interval, "accuracy").removesuffix(" %"),
            f"{s.queries:,}",
            f"{s.tasks:,}",
        ]
        for s in found.worst(most)
    ]
    pairs = [[p.true, p.named, f"{p.count:,.5g}", f"{p.of:,}", amount(p.share, "accuracy")] for p in found.confusions[:most]]
    of = f"{report.model}, task list {report.digest}"
    listings = [
        Listing(
            f"Lowest accuracy by {what}",
            [what, "accuracy", "95 % interval", "queries", "tasks"],
            worst,
            f"{of}: the {len(worst)} lowest of {len(found.classes):,}. Intervals hold for other tasks of the same classes.",
        )
    ]
    if pairs:
        listings.append(
            Listing(
                "Most frequent confusions",
                ["true", "named", "count", "of", "share"],
                pairs,
                f"{of}: the {len(pairs)} most frequent, of {found.wrong:,.6g} wrong answers in all. “of” is the number of "
                "queries of the true class in tasks that have both classes.",
            )
        )
    return listings


def _class_figures(reports: Sequence[Report]) -> list[Illustration]:
    """Of the latest report that has accuracies by class."""
    report = next((each for each in reversed(reports) if each.by_class is not None), None)
    if report is None or report.by_class is None:
        return []
    caption = (
        f"{report.model}, task list {report.digest}. Left: the lowest accuracies with 95 % intervals. Right: the most frequent "
        "confusions; rows are true classes, columns the classes named, and green dots mark right answers."
    )
    return [Illustration("Accuracy by class and confusions", classes_figure(report.by_class), caption)]


def training_figures(history: History) -> list[Illustration]:
    """The figures that a log gives, those without numbers left out."""
    return [Illustration(heading, figure, caption) for heading, figure, caption in _images(history) if figure is not None]


def _images(history: History) -> Iterator[tuple[str, "Figure | None", str]]:
    probes = history.probes
    if history.records:
        yield (
            "Objective and gradient norm",
            progress_figure(history),
            f"Of {len(history.records):,} outer steps: means of neighbouring ones; bands reach from their smallest to their "
            "largest. The norm is the one before clipping.",
        )
    if history.validations or probes:
        yield (
            "Validation",
            validation_figure(history),
            "Scores after adaptation over the outer steps. The tasks probed are the same ones each time: compare a curve with "
            "its own past. A gap between the levels that grows is meta-overfitting." + _gap(history),
        )
    yield (
        "Adaptation",
        adaptation_figure(probes),
        "Query scores before adaptation (0) and after inner steps, in eval mode, at the first probe and at the last; bands are "
        "95 % intervals for other tasks of the same classes.",
    )
    yield (
        "Learned inner step sizes",
        step_size_figure(probes),
        "Means over the entries of each; bands reach from the smallest to the largest.",
    )


def _gap(history: History) -> str:
    last = history.probes[-1] if history.probes else None
    if last is None or last.gap is None or last.gap_half is None:
        return ""
    word = "better" if last.gap > 0 else "worse"
    return (
        f" At the last probe meta-training tasks were answered {word} than validation tasks by {abs(last.gap):.3g} ± "
        f"{last.gap_half:.2g} (95 % over tasks)."
    )


def _standing(history: History) -> str:
    best = history.best
    if best is None:
        return f"{history.step:,} outer steps, no validation yet."
    return f"{history.step:,} outer steps; the best validation was {best.score:.4g} after {best.step:,}."


def _kept(run: Run) -> list[Report]:
    """The reports in the folder that can be read, the latest last; one a task list."""
    found = []
    for path in sorted(run.folder.glob("report-*.json"), key=lambda path: path.stat().st_mtime):
        try:
            found.append(Report.load(path))
        except (UserError, OSError, json.JSONDecodeError):
            continue
    return found
