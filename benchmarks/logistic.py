"""Logistic regressions of many tasks: `functional.logistic`, one by one and mapped, against scikit-learn, in CPU time of a task.

    python benchmarks/logistic.py [--ways 20] [--shots 10] [--features 384]

scikit-learn's default stops where the largest slope is below 1e-4, so its row with a tolerance of 1e-8 is the one of the same
precision; errors are those of the probabilities of other rows, by the row of 1e-12.
"""

from collections.abc import Callable

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from timing import Row, Variant, arguments, close, report, take_turns
from torch import Tensor

from quickstudy.functional import logistic

TASKS = 4


def task(ways: int, shots: int, features: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Rows of unit length like those of a sentence encoder, their classes, and other rows."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(ways).repeat(2 * shots)
    centres = 0.5 * torch.randn(ways, features, generator=generator)
    rows = torch.nn.functional.normalize(centres[labels] + torch.randn(len(labels), features, generator=generator), dim=1)
    return rows[: ways * shots], labels[: ways * shots], rows[ways * shots :]


def with_ones(x: Tensor) -> Tensor:
    return torch.cat([x, torch.ones_like(x[:, :1])], 1)


def fitted(x: Tensor, labels: Tensor, C: float, tolerance: float) -> LogisticRegression:
    model = LogisticRegression(C=C, fit_intercept=False, max_iter=10_000, tol=tolerance)
    rows = with_ones(x).numpy()
    return model.fit(rows.astype(np.float64) if tolerance < 1e-9 else rows, labels.numpy())


def workload(ways: int, shots: int, features: int, C: float, rounds: int) -> list[Row]:
    tasks = [task(ways, shots, features, seed) for seed in range(TASKS)]
    x, labels, others = (torch.stack(part) for part in zip(*tasks, strict=True))
    y, mask, penalty = torch.nn.functional.one_hot(labels).float(), torch.ones(x.shape[1]), torch.tensor(1 / C)
    exact = [fitted(*part, C, 1e-12).predict_proba(with_ones(rest).double().numpy()) for *part, rest in tasks]

    def by_scikit_learn(tolerance: float) -> Callable[[], list[Tensor]]:
        return lambda: [torch.from_numpy(fitted(*part, C, tolerance).coef_) for *part, _ in tasks]

    def one_by_one() -> list[Tensor]:
        return [torch.cat([w, b[:, None]], 1) for w, b in (logistic(a, c, mask, penalty) for a, c in zip(x, y, strict=True))]

    def mapped() -> list[Tensor]:
        weight, bias = torch.func.vmap(logistic, in_dims=(0, 0, None, None))(x, y, mask, penalty)
        return list(torch.cat([weight, bias[..., None]], 2))

    def error(run: Callable[[], list[Tensor]]) -> float:
        found = [(with_ones(rest).double() @ w.double().T).softmax(1) for w, rest in zip(run(), others, strict=True)]
        return close(found, [torch.from_numpy(part) for part in exact])

    runs = {
        "scikit-learn": by_scikit_learn(1e-4),
        "scikit-learn, tolerance 1e-8": by_scikit_learn(1e-8),
        "quickstudy, one by one": one_by_one,
        f"quickstudy, {TASKS} tasks mapped": mapped,
    }
    with torch.no_grad():
        found = take_turns(f"C = {C}", [Variant(name, run, error(run)) for name, run in runs.items()], rounds)
    return [Row(r.workload, r.variant, r.ms / TASKS, r.ratio, r.first_ms / TASKS, r.error) for r in found]


def main() -> None:
    asked = arguments(__doc__, ways=20, shots=10, features=384, rounds=7)
    rows = [row for C in (0.1, 1.0, 10.0) for row in workload(asked.ways, asked.shots, asked.features, C, asked.rounds)]
    print(f"{asked.ways} ways, {asked.shots} shots, {asked.features} features: CPU milliseconds of a task")
    report(rows, asked.json)


if __name__ == "__main__":
    main()
