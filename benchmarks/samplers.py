"""Does it matter which classes a meta-training task is made of, or how its images are changed? All beside uniform sampling.

One small equal budget: a ProtoNet on a strided Conv4, the same number of outer steps, one task each; evaluated on the same
meta-test tasks. Each training is repeated with other seeds (of weights and tasks), because two trainings that differ in nothing
else differ, too; by how much is learned from more trainings with uniform sampling. What was measured is kept in a folder, so
that the benchmark goes on where it was stopped.

    python benchmarks/samplers.py --out samplers --figure samplers.png
"""

import argparse
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from scipy.special import stdtrit

from quickstudy.datasets.class_index import Splits
from quickstudy.datasets.glyphs import glyphs
from quickstudy.datasets.omniglot import omniglot
from quickstudy.evaluation.evaluate import evaluate
from quickstudy.learners.metric.proto import ProtoNet
from quickstudy.nn.conv4 import Conv4
from quickstudy.plots.style import GRID, PALETTE, TEXT, axes_in, blank
from quickstudy.recipes.parts.practice import AugmentRotated, Sampler, practice
from quickstudy.recipes.parts.recipe import by_adam
from quickstudy.recipes.parts.tasks import Tasks
from quickstudy.reports.compare import compare
from quickstudy.reports.comparison import Comparison
from quickstudy.reports.ranking import holm
from quickstudy.reports.report import Report
from quickstudy.tasks.few_shot import FewShot

DATA: Mapping[str, Callable[[], Splits]] = {"glyphs": glyphs, "omniglot": lambda: omniglot(rotations=False)}
WAYS, SHOTS, QUERIES, TEST_QUERIES, TEST_SEED = 20, 1, 3, 5, 1
PLAIN = "uniform"
ARMS: Mapping[str, tuple[Sampler, AugmentRotated]] = {
    PLAIN: ("uniform", "none"),
    "family-balanced": ("balanced", "none"),
    "each class once": ("each-once", "none"),
    "hard classes": ("hard", "none"),
    "diverse (k-DPP)": ("diverse", "none"),
    "curriculum of ways": ("curriculum", "none"),
    "augmented images": ("uniform", "images"),
    "rotated classes": ("uniform", "rotated"),
    "mixed classes": ("uniform", "mixed"),
}


@dataclass(frozen=True)
class Budget:
    """Outer steps of one task, channels of the encoder, meta-test tasks."""

    steps: int = 300
    hidden: int = 32
    tasks: int = 600


@dataclass(frozen=True)
class Row:
    """One way beside uniform sampling: accuracies by seed, the paired difference, over tasks and by seed; its p-value, corrected.

    ``chance`` is what the means of as many trainings differ by, at most, in 95 of 100 cases, if nothing but the seed differs.
    """

    name: str
    accuracies: tuple[float, ...]
    difference: Comparison
    by_seed: tuple[float, ...]
    chance: float
    p_value: float = 1.0


def trained_and_evaluated(data: Splits, arm: str, seed: int, budget: Budget) -> Report:
    """The report on a fresh learner, meta-trained in this way with this seed."""
    sampler, augment = ARMS[arm]
    source = practice(data.train, (WAYS, SHOTS, QUERIES), sampler=sampler, augment=augment, steps=budget.steps)
    test = FewShot(data.test, WAYS, SHOTS, TEST_QUERIES)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        learner = ProtoNet(Conv4(hidden=budget.hidden, strided=True), scale=0.1)
    for _ in by_adam(learner, Tasks(source, None, test), lr=4e-3, steps=budget.steps).records(seed=seed):
        pass
    return evaluate(learner, test, tasks=budget.tasks, seed=TEST_SEED)


def reports(data: Splits, name: str, seeds: int, uniform: int, budget: Budget, folder: Path) -> dict[str, list[Report]]:
    """Reports of every way by seed, of uniform sampling for more seeds; those that the folder holds are read."""
    found: dict[str, list[Report]] = {arm: [] for arm in ARMS}
    for seed in range(max(seeds, uniform)):
        for arm in ARMS if seed < seeds else [PLAIN]:
            path = folder / f"{name}-{budget.steps}-{budget.hidden}-{budget.tasks}-{arm.replace(' ', '-')}-{seed}.json"
            if not path.exists():
                trained_and_evaluated(data, arm, seed, budget).save(path)
            found[arm].append(Report.load(path))
            print(f"{name}, seed {seed}, {arm}: {100 * found[arm][-1].mean:.2f}", flush=True)
    return found


def compared(found: Mapping[str, Sequence[Report]]) -> list[Row]:
    """Each way beside uniform sampling, differences averaged over seeds task by task; p-values corrected for their number."""
    rows, chance = [], by_chance([report.mean for report in found[PLAIN]], min(len(own) for own in found.values()))
    for arm, own in found.items():
        pairs = [compare(a, b) for a, b in zip(own, found[PLAIN], strict=False)]
        mean = tuple(statistics.fmean(each) for each in zip(*[pair.differences for pair in pairs], strict=True))
        whole = Comparison(arm, PLAIN, own[0].metric, own[0].higher_is_better, mean)
        rows.append(Row(arm, tuple(r.mean for r in own), whole, tuple(pair.difference for pair in pairs), chance))
    corrected = dict(zip(list(found)[1:], holm([row.difference.sign_flip_p for row in rows[1:]]), strict=True))
    return [replace(row, p_value=corrected.get(row.name, 1.0)) for row in rows]


def by_chance(uniform: Sequence[float], seeds: int) -> float:
    """``t_{n−1, 0.975} · s · √(2 / k)`` with s over n trainings that differ in their seed alone, for means of k trainings."""
    if len(uniform) < 2:
        return math.inf
    return float(stdtrit(len(uniform) - 1, 0.975)) * statistics.stdev(uniform) * math.sqrt(2 / seeds)


def verdict(row: Row) -> str:
    """Better or worse where tasks tell them apart (Holm-corrected), by more than other seeds would; else nothing is said."""
    if row.p_value > 0.05 or abs(row.difference.difference) <= row.chance:
        return "not told apart"
    return "better" if row.difference.difference > 0 else "worse"


def table(rows: Sequence[Row]) -> str:
    lines = ["| meta-training tasks | accuracy | − uniform, 95 % interval | by seed | p (Holm) | |", "|---|---|---|---|---|---|"]
    for row in rows:
        accuracy = f"{100 * statistics.fmean(row.accuracies):.2f}"
        if row.name == PLAIN:
            each = ", ".join(f"{100 * mean:.2f}" for mean in row.accuracies)
            lines.append(f"| {row.name} | {accuracy} | by chance ±{100 * row.chance:.2f} | trainings: {each} | – | |")
            continue
        low, high = (100 * bound for bound in row.difference.interval)
        seeds = ", ".join(f"{100 * difference:+.2f}" for difference in row.by_seed)
        cells = [row.name, accuracy, f"{100 * row.difference.difference:+.2f} ({low:+.2f} to {high:+.2f})", seeds]
        lines.append("| " + " | ".join([*cells, f"{row.p_value:.2g}", verdict(row)]) + " |")
    return "\n".join(lines).replace("-0.", "−0.").replace(" -", " −").replace("(-", "(−")


def figure(found: Mapping[str, Sequence[Row]], path: str) -> None:
    """Differences with intervals over tasks, a small mark for each seed, what seeds do in grey; a panel for each data set."""
    figure = blank(4.3 * len(found), 3.6)
    for number, (name, rows) in enumerate(found.items()):
        axes = axes_in(figure, grid="x", place=(1, len(found), number + 1))
        shown = [row for row in rows if row.name != PLAIN]
        axes.axvline(0, color=TEXT, linewidth=1)
        axes.axvspan(*(100 * sign * min(shown[0].chance, 1) for sign in (-1, 1)), color=GRID, alpha=0.35, linewidth=0)
        for place, row in enumerate(reversed(shown)):
            low, high = (100 * bound for bound in row.difference.interval)
            told = verdict(row)
            colour = {"better": PALETTE[2], "worse": PALETTE[1]}.get(told, PALETTE[7])
            axes.plot([low, high], [place, place], color=colour, linewidth=3, solid_capstyle="butt")
            axes.plot([100 * row.difference.difference], [place], "o", color=colour, markersize=7)
            axes.plot([100 * d for d in row.by_seed], [place - 0.25] * len(row.by_seed), "|", color=TEXT, markersize=6)
        names = [row.name for row in reversed(shown)] if number == 0 else [""] * len(shown)
        axes.set_yticks(range(len(shown)), names, color=TEXT)
        axes.set_title(name, color=TEXT, fontsize=11)
        axes.set_xlabel("points beside uniform sampling (grey: by chance)", color=TEXT, fontsize=9)
        axes.spines["left"].set_color(GRID)
    figure.savefig(path, dpi=150)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("samplers"), help="folder of the reports")
    parser.add_argument("--data", nargs="+", choices=list(DATA), default=list(DATA))
    parser.add_argument("--seeds", type=int, default=2, help="trainings of each way")
    parser.add_argument("--uniform", type=int, default=5, help="trainings of uniform sampling, to see what a seed does")
    parser.add_argument("--steps", type=int, default=Budget.steps)
    parser.add_argument("--hidden", type=int, default=Budget.hidden, help="channels of the encoder")
    parser.add_argument("--tasks", type=int, default=Budget.tasks, help="meta-test tasks")
    parser.add_argument("--figure", default=None, help="file for an image of the differences")
    asked = parser.parse_args(arguments)
    asked.out.mkdir(parents=True, exist_ok=True)
    budget = Budget(asked.steps, asked.hidden, asked.tasks)
    found = {name: compared(reports(DATA[name](), name, asked.seeds, asked.uniform, budget, asked.out)) for name in asked.data}
    for name, rows in found.items():
        print(f"\n{name}: {WAYS} ways, {SHOTS} shot, the same {asked.tasks} meta-test tasks, {asked.seeds} trainings of each\n")
        print(table(rows))
    if asked.figure:
        figure(found, asked.figure)


if __name__ == "__main__":
    main()
