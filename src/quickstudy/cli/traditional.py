"""``quickstudy compare RUN --traditional``: one run against learning each task by itself."""

import json
from pathlib import Path

from rich.table import Table

from quickstudy.cli.call import Call
from quickstudy.cli.console import out as console
from quickstudy.cli.console import print_json, progress, say
from quickstudy.evaluation.contest import Contest, Contestant, evaluate_by_shots, tasks_by_shots
from quickstudy.reports.compare import compare
from quickstudy.reports.report import Report
from quickstudy.runs.run import Run
from quickstudy.runs.traditional import meta_trained, traditional
from quickstudy.storage.files import write_whole

__all__ = ["compare_traditional"]


def compare_traditional(folder: Path, call: Call, *, pretraining: int, as_json: bool) -> None:
    """Evaluates all sides, then prints, writes and draws the results.

    Args:
        folder: of the run.
        call: tasks, seed and sizes.
        pretraining: mini-batches for the baseline that is pre-trained.
        as_json: print JSON instead of a table.
    """
    contest = _held(folder, call, pretraining)
    write_whole(folder / "traditional.json", json.dumps(contest.to_json(), indent=1).encode())
    sides = (contest.learned, *contest.baselines)
    from quickstudy.plots.results import accuracy_against_shots
    from quickstudy.plots.style import write_figure

    write_figure(accuracy_against_shots({side.name: side.curve for side in sides}), folder / "traditional.png")
    if as_json:
        print_json(contest.to_json())
        return
    console.print(_table(contest))
    for baseline in contest.baselines:
        say(_verdict(contest, baseline))
    say(f"{folder}/traditional.json holds all numbers, traditional.png shows how the sides grow with the examples.")


def _held(folder: Path, call: Call, pretraining: int) -> Contest:
    """The run's learner first, then each baseline, until it does as well or the data end."""
    run = Run(folder)
    recipe, history = run.recipe(), run.history()
    base, sources = tasks_by_shots(call.changed(recipe.test), call.queries)
    learner = run.learner()
    steps = max((line["step"] for line in history if "loss" in line), default=0)
    seconds = sum(line["seconds"] for line in history if "loss" in line)
    baselines = traditional(recipe, pretraining=pretraining, seed=call.seed)
    with progress() as bar:
        task = bar.add_task("", total=1 + len(baselines))
        bar.update(task, description=learner.title)
        curve = evaluate_by_shots(learner, sources, tasks=call.tasks, seed=call.seed, jobs=call.jobs)
        learned = Contestant(learner.title, meta_trained(recipe, steps, seconds), curve)
        found = []
        for name, make in baselines.items():
            bar.update(task, description=name, advance=1)
            baseline, trained = make()
            reports = evaluate_by_shots(
                baseline, sources, tasks=call.tasks, seed=call.seed, until=curve, base=base, jobs=call.jobs
            )
            found.append(Contestant(name, trained, reports))
    ways = recipe.test.sample(1).query.y.shape[-1] if curve[base].metric == "accuracy" else 1
    return Contest(learned, found, base, ways)


def _table(contest: Contest) -> Table:
    """An aspect a row, a side a column."""
    sides = [*contest.baselines, contest.learned]
    first = contest.learned.curve[contest.shots]
    found = Table("", title=f"{first.source}, {len(first.scores):,} tasks", title_justify="left", show_lines=True)
    for side in contest.baselines:
        found.add_column(f"traditional:\n{side.name}")
    found.add_column(f"meta-learned:\n{contest.learned.name}")
    past = [side.trained for side in sides]
    found.add_row("labels used before the first new task", *[f"{p.examples:,}" if p.examples else "none" for p in past])
    found.add_row("cost to train", *[_cost(p.seconds, p.tasks) for p in past])
    found.add_row("what is optimized", *[p.optimizes for p in past])
    found.add_row("to adapt to a task", *[f"{1e3 * side.curve[contest.shots].seconds:.1f} ms" for side in sides])
    found.add_row(f"{first.metric} at {contest.shots} shots", *[_score(side.curve[contest.shots]) for side in sides])
    found.add_row(
        "examples to do as well", *[_needed(contest, side) for side in contest.baselines], _shots(contest, contest.shots)
    )
    found.add_row("meta-training pays in labels after", *[_labels(contest, side) for side in contest.baselines], "")
    found.add_row("meta-training pays in seconds after", *[_tasks(contest.pays_in_seconds(s)) for s in contest.baselines], "")
    return found


def _cost(seconds: float, tasks: int) -> str:
    if not seconds:
        return "nothing"
    return f"{seconds:,.0f} s" + (f", {tasks:,} tasks" if tasks else "")


def _score(report: Report) -> str:
    return report.row()[report.metric]


def _shots(contest: Contest, shots: int) -> str:
    examples = shots * contest.labels
    return f"{examples:,}" if contest.labels == 1 else f"{examples:,} ({shots} of each class)"


def _needed(contest: Contest, baseline: Contestant) -> str:
    shots, reached = contest.needed(baseline)
    return _shots(contest, shots) if reached else f"more than {_shots(contest, shots)}"


def _labels(contest: Contest, baseline: Contestant) -> str:
    found = contest.pays_in_labels(baseline)
    bound = "" if contest.needed(baseline)[1] or not found else "at most "
    return bound + _tasks(found)


def _tasks(count: int | None) -> str:
    if count is None:
        return "never: nothing is saved"
    return f"{count:,} new tasks" if count else "at once: it costs no more"


def _verdict(contest: Contest, baseline: Contestant) -> str:
    """The paired difference at the same number of examples."""
    return str(compare(contest.learned.curve[contest.shots], baseline.curve[contest.shots]))
