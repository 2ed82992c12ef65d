"""Many models on the same tasks: mean ranks, paired tests corrected for their number, and who cannot be told apart, by world.

Source: Demšar, 2006, Statistical comparisons of classifiers over multiple data sets.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from quickstudy.errors import TaskError
from quickstudy.reports.compare import compare
from quickstudy.reports.comparison import LEVEL, Comparison
from quickstudy.reports.report import Report
from quickstudy.reports.worlds import World

__all__ = ["Ranking", "holm", "rank"]

_Pair = tuple[str, str]


@dataclass(frozen=True)
class Ranking:
    """Models from best to worst by their mean rank over the same tasks.

    Args:
        models: names, the best first.
        ranks: each one's rank in a task, averaged over tasks; 1 is best, ties share.
        comparisons: the paired difference of each pair, the better-ranked model first.
        p_values: of each pair by world, corrected for the number of pairs (Holm, 1979): over tasks of the sign-flip test, for
            new classes of the class-clustered t-test.
    """

    models: tuple[str, ...]
    ranks: tuple[float, ...]
    comparisons: Mapping[_Pair, Comparison]
    p_values: Mapping[World, Mapping[_Pair, float]]

    def together(self, world: World, level: float = LEVEL) -> list[tuple[str, ...]]:
        """The longest runs of models, next to each other in rank, of which no pair differs at that level in that world.

        Raises:
            TaskError: these tasks allow no statement about that world.
        """
        if world not in self.p_values:
            raise TaskError(
                f'these tasks allow no statement about the world "{world}"; they do about {", ".join(self.p_values)}.'
            )
        p_values = self.p_values[world]
        runs: list[tuple[int, int]] = []
        for start in range(len(self.models)):
            end = start
            while end + 1 < len(self.models) and all(
                p_values[self.models[one], self.models[end + 1]] >= level for one in range(start, end + 1)
            ):
                end += 1
            if end > start and (not runs or end > runs[-1][1]):
                runs.append((start, end))
        return [self.models[start : end + 1] for start, end in runs]

    def for_world(self, world: World) -> str:
        """The world in words: what follows "for"."""
        return next(iter(self.comparisons.values())).for_world(world)

    def __str__(self) -> str:
        tasks = len(next(iter(self.comparisons.values())).differences)
        order = ", ".join(f"{model} {rank:.2f}" for model, rank in zip(self.models, self.ranks, strict=True))
        parts = [f"Mean rank over the same {tasks:,} task{'s' if tasks > 1 else ''}, best first: {order}."]
        for world in self.p_values:
            told = "; ".join(" and ".join(run) for run in self.together(world))
            found = f"not told apart are {told}" if told else "every pair differs"
            parts.append(f"For {self.for_world(world)}, {found} (Holm-corrected p {'≥' if told else '<'} {LEVEL}).")
        return " ".join(parts) + next(iter(self.comparisons.values())).unsaid()


def rank(reports: Sequence[Report]) -> Ranking:
    """Ranks models by their scores on one task list.

    Raises:
        TaskError: fewer than two reports, two of one name, other tasks, or not as many scores in each.

    >>> same = dict(source="toys", metric="accuracy", higher_is_better=True, digest="0", seed=0, transductive=False)
    >>> rest = same | dict(norm="none", seconds=0.0, state_bytes=0)
    >>> scores = {"A": (0.9, 0.8, 0.9, 1.0) * 5, "B": (0.5, 0.5, 0.5, 0.4) * 5, "C": (0.4, 0.6, 0.5, 0.4) * 5}
    >>> found = rank([Report(name, scores=s, **rest) for name, s in scores.items()])
    >>> found.models, found.ranks, found.together("tasks")
    (('A', 'B', 'C'), (1.0, 2.5, 2.5), [('B', 'C')])
    """
    names = [report.model for report in reports]
    if len(reports) < 2 or len(set(names)) < len(names):
        raise TaskError(f"a ranking needs two or more reports with names of their own, not {', '.join(names) or 'none'}.")
    for report in reports[1:]:
        compare(reports[0], report)
    counts = [len(report.scores) for report in reports]
    if len(set(counts)) > 1:
        each = ", ".join(f"{name} {count:,}" for name, count in zip(names, counts, strict=True))
        raise TaskError(
            f"a ranking needs the same tasks for every model, but the numbers of tasks are: {each}. Evaluate all on as many, or "
            f"rank the first ones: [report.first({min(counts)}) for report in reports]."
        )
    sign = -1 if reports[0].higher_is_better else 1
    from scipy.stats import rankdata  # late: it takes as long to load as all of torch

    places = rankdata([[sign * score for score in report.scores] for report in reports], axis=0).mean(1)
    order = np.argsort(places, kind="stable").tolist()
    found = {(names[a], names[b]): compare(reports[a], reports[b]) for a, b in combinations(order, 2)}
    worlds = list(next(iter(found.values())).estimates)
    corrected = {world: dict(zip(found, holm([_p(pair, world) for pair in found.values()]), strict=True)) for world in worlds}
    return Ranking(tuple(names[i] for i in order), tuple(float(places[i]) for i in order), found, corrected)


def _p(pair: Comparison, world: World) -> float:
    """Over tasks no normal distribution is needed; with class effects there is only the t-test."""
    return pair.p_values[world] if world == "classes" else pair.sign_flip_p


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values corrected for their number, so that one false alarm among all of them is as rare as the level says.

        ``p̃_(i) = max_{j ≤ i} min(1, (m − j + 1) p_(j))``

    Raises:
        TaskError: a number that is no probability.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    if not all(0 <= p <= 1 for p in p_values):
        raise TaskError(f"p-values lie between 0 and 1, unlike {[p for p in p_values if not 0 <= p <= 1]}.")
    found, worst, many = [0.0] * len(p_values), 0.0, len(p_values)
    for place, index in enumerate(sorted(range(many), key=p_values.__getitem__)):
        worst = max(worst, min(1.0, (many - place) * p_values[index]))
        found[index] = worst
    return found
