"""A run on frozen features beside the classical methods on the same features, and its controls, on the same tasks.

    quickstudy train proto --data photos --ways 20 --out runs/photos
    python benchmarks/on_features.py runs/photos --ways 20 --shots 1 5

Rivals: nearest centroids of features of unit length, and scikit-learn's logistic regression on these, whose C is the best of
five on meta-validation tasks. Controls: the learner before meta-training, and with the labels of each support set shuffled. A
pooled model that never sees a support set has no answer for new classes: it would be at chance.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from quickstudy.evaluation.evaluate import evaluate
from quickstudy.functional.distances import cosine_distance
from quickstudy.learner import Learner
from quickstudy.learners import LogisticRegression, ProtoNet
from quickstudy.nn import UnitLength
from quickstudy.reports.compare import compare
from quickstudy.reports.report import Report
from quickstudy.runs.run import Run
from quickstudy.task import Examples
from quickstudy.tasks import FewShot

STRENGTHS = (1.0, 3.0, 10.0, 30.0, 100.0)


def unit(x: Tensor) -> Tensor:
    return torch.nn.functional.normalize(x, dim=1)


def logistic(strength: float) -> Callable[[Examples], Callable[[Tensor], Tensor]]:
    learner = LogisticRegression(C=strength)

    def fit(support: Examples) -> Callable[[Tensor], Tensor]:
        state = learner.adapt(support.replace(unit(support.x)))
        return lambda x: learner.predict(state, unit(x))

    return fit


def shuffled(learner: Learner[Any]) -> Callable[[Examples], Callable[[Tensor], Tensor]]:
    """The learner on support sets whose labels are shuffled among the rows."""

    def fit(support: Examples) -> Callable[[Tensor], Tensor]:
        order = torch.randperm(len(support.y))
        predictor = learner(Examples(support.x, support.y[order], support.mask))
        return lambda x: predictor(x)

    return fit


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--ways", type=int, default=20)
    parser.add_argument("--shots", type=int, nargs="+", default=[1, 5])
    parser.add_argument("--tasks", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    run = Run(given.run)
    recipe, learner = run.recipe(), run.learner()
    before = recipe.learner
    assert isinstance(recipe.test, FewShot) and isinstance(recipe.val, FewShot)
    centroid = ProtoNet(UnitLength(), distance=cosine_distance, scale=10.0)
    for shots in given.shots:
        source = recipe.test.resized(ways=given.ways, shots=shots, queries=5)
        val = recipe.val.resized(ways=min(given.ways, len(recipe.val.index.classes)), shots=shots, queries=5)
        best = max(STRENGTHS, key=lambda strength: evaluate(logistic(strength), val, tasks=50, seed=3).mean)
        models: dict[str, Any] = {
            "the run": learner,
            "before meta-training": before,
            "nearest centroids": centroid,
            f"logistic regression, C = {best:g}": logistic(best),
            "the run, labels shuffled": shuffled(learner),
        }
        found: dict[str, Report] = {
            name: evaluate(model, source, tasks=given.tasks, seed=given.seed) for name, model in models.items()
        }
        first = found["the run"]
        print(f"{source.name}, {given.tasks} tasks, seed {given.seed}")
        for name, report in found.items():
            low, high = report.interval
            line = f"  {name:32} {100 * report.mean:6.2f} % ({100 * low:.2f} to {100 * high:.2f})"
            if name != "the run":
                pair = compare(first, report)
                low, high = pair.interval
                line += f"   the run is better by {100 * pair.difference:+.2f} ({100 * low:+.2f} to {100 * high:+.2f})"
            print(line, flush=True)


if __name__ == "__main__":
    main()
