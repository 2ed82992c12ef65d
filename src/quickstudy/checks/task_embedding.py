"""Tasks as points: a task is characterised by which weights of a fixed probe network matter for it.

Source: Achille, Lam, Tewari, Ravichandran, Maji, Fowlkes, Soatto & Perona, 2019, Task2Vec: task embedding for meta-learning.
"""

import torch
from torch import Tensor

from quickstudy.checks.sources import one_hot_rows
from quickstudy.functional.plain_numbers import plain_numbers
from quickstudy.functional.tree import cat
from quickstudy.task import Examples, Task
from quickstudy.tasks.source import generator_of

__all__ = ["distances", "embed", "halves"]

_UNITS = 256
_RIDGE = 1.0
_TEMPERATURE = 4.0


def embed(tasks: list[Examples], *, classes: bool, seed: int = 0) -> Tensor:
    """The diagonal of the Fisher information of a probe's hidden units, one row for each task (B, H), of unit length.

    The probe is ``f(x) = V relu(W x)`` with a fixed random W, the same for all tasks, and a head V fitted to the task by ridge
    regression. The Fisher information of the weights W_j of unit j is, in closed form,

        ``F_j = mean_x 1[h_j(x) > 0] ‖x‖² Var_{n ~ p(n | x)} V_nj``    (for values: ``Σ_p V_pj²`` in place of the variance)

    with ``p = softmax f``. It does not depend on which class is in which column.

    Args:
        tasks: all examples of each, real rows only.
        classes: whether targets are classes.
        seed: of the probe.
    """
    rows = [plain_numbers(task.x) for task in tasks]
    every = torch.cat(rows)
    mean, scale = every.mean(0), every.std(0) + 0.1 * every.std() + 1e-6
    inputs = every.shape[1] + 1
    weights = torch.randn(inputs, _UNITS, generator=generator_of(seed, 11)) / inputs**0.5
    found = []
    for x, task in zip(rows, tasks, strict=True):
        z = torch.nn.functional.pad((x - mean) / scale, (0, 1), value=1.0)
        found.append(_information(z, task.y, weights, classes))
    return torch.nn.functional.normalize(torch.stack(found), dim=1)


def _information(z: Tensor, y: Tensor, weights: Tensor, classes: bool) -> Tensor:
    """F (H,) of one task with inputs z (R, D)."""
    h = (z @ weights).relu()
    used = y[:, y.abs().sum(0) > 0] if classes else y
    targets = used - used.mean(0)
    kernel = h @ h.mT
    ridge = _RIDGE * kernel.diagonal().mean() * torch.eye(len(h))
    head = h.mT @ torch.linalg.solve(kernel + ridge, targets)  # (H, N), by the dual: rows are fewer than units
    if classes:
        p = (_TEMPERATURE * used.shape[1] * (h @ head)).softmax(-1)
        matter = p @ head.mT.square() - (p @ head.mT).square()
    else:
        matter = head.square().sum(1).expand(len(h), -1)
    found: Tensor = ((h > 0) * z.square().sum(1, keepdim=True) * matter).mean(0)
    return found


def distances(a: Tensor, b: Tensor) -> Tensor:
    """Cosine distances ``1 − cos`` between rows of unit length, (A, B).

    >>> distances(torch.eye(2), torch.eye(2)).tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    return (1 - a @ b.mT).clamp(min=0)


def halves(task: Task) -> tuple[Examples, Examples]:
    """All real examples of a task parted in two, class by class, values in their order."""
    together = [task.support.trim(), task.query.trim()]
    both = cat(together)
    order = both.labels.argsort(stable=True) if one_hot_rows(both) else torch.arange(len(both))
    return both[order[::2]], both[order[1::2]]
