"""Many models on the same tasks: mean ranks, paired tests corrected for their number, and who cannot be told apart.

Source: Demšar, 2006, Statistical comparisons of classifiers over multiple data sets.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from quickstudy.errors import TaskError
from quickstudy.reports.compare import compare
from quickstudy.reports.comparison import Comparison
from quickstudy.reports.report import Report

__all__ = ["Ranking", "holm", "rank"]


@dataclass(frozen=True)
class Ranking:
    """Models from best to worst by their mean rank over the same tasks.

    Args:
        models: names, the best first.
        ranks: each one's rank in a task, averaged over tasks; 1 is best, ties share.
        comparisons: the paired difference of each pair, the better-ranked model first.
        p_values: of each pair's sign-flip test, corrected for their number (Holm, 1979).
    """

    models: tuple[str, ...]
    ranks: tuple[float, ...]
    comparisons: Mapping[tuple[str, str], Comparison]
    p_values: Mapping[tuple[str, str], float]

    def together(self, level: float = 0.05) -> list[tuple[str, ...]]:
        """The longest runs of models, next to each other in rank, of which no pair differs at that level."""
        runs: list[tuple[int, int]] = []
        for start in range(len(self.models)):
            end = start
            while end + 1 < len(self.models) and all(
                self.p_values[self.models[one], self.models[end + 1]] > level for one in range(start, end + 1)
            ):
                end += 1
            if end > start and (not runs or end > runs[-1][1]):
                runs.append((start, end))
        return [self.models[start : end + 1] for start, end in runs]

    def __str__(self) -> str:
        tasks = len(next(iter(self.comparisons.values())).differences)
        order = ", ".join(f"{model} {rank:.2f}" for model, rank in zip(self.models, self.ranks, strict=True))
        told = "; ".join(" and ".join(run) for run in self.together())
        ties = f"Not told apart (Holm-corrected p > 0.05): {told}." if told else "Every pair differs (Holm-corrected p ≤ 0.05)."
        return f"Mean rank over the same {tasks:,} tasks, best first: {order}. {ties}"


def rank(reports: Sequence[Report]) -> Ranking:
    """Ranks models by their scores on one task list.

    Raises:
        TaskError: fewer than two reports, two of one name, or other tasks.

    >>> same = dict(source="toys", metric="accuracy", higher_is_better=True, digest="0", seed=0, transductive=False)
    >>> rest = same | dict(norm="none", seconds=0.0, state_bytes=0)
    >>> scores = {"A": (0.9, 0.8, 0.9, 1.0) * 5, "B": (0.5, 0.5, 0.5, 0.4) * 5, "C": (0.4, 0.6, 0.5, 0.4) * 5}
    >>> found = rank([Report(name, scores=s, **rest) for name, s in scores.items()])
    >>> found.models, found.ranks, found.together()
    (('A', 'B', 'C'), (1.0, 2.5, 2.5), [('B', 'C')])
    """
    names = [report.model for report in reports]
    if len(reports) < 2 or len(set(names)) < len(names):
        raise TaskError(f"a ranking needs two or more reports with names of their own, not {', '.join(names) or 'none'}.")
    sign = -1 if reports[0].higher_is_better else 1
    shared = min(len(report.scores) for report in reports)
    from scipy.stats import rankdata  # late: it takes as long to load as all of torch

    places = rankdata([[sign * score for score in report.scores[:shared]] for report in reports], axis=0).mean(1)
    order = np.argsort(places, kind="stable")
    pairs = {(names[a], names[b]): compare(reports[a], reports[b]) for a, b in combinations(order.tolist(), 2)}
    corrected = holm([pair.sign_flip_p for pair in pairs.values()])
    return Ranking(tuple(names[i] for i in order), tuple(places[order].tolist()), pairs, dict(zip(pairs, corrected, strict=True)))


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values corrected for their number, so that one false alarm among all of them is as rare as the level says.

        ``p̃_(i) = max_{j ≤ i} min(1, (m − j + 1) p_(j))``

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    found, worst, many = [0.0] * len(p_values), 0.0, len(p_values)
    for place, index in enumerate(sorted(range(many), key=p_values.__getitem__)):
        worst = max(worst, min(1.0, (many - place) * p_values[index]))
        found[index] = worst
    return found
