"""Whether class columns or positions give classes away: columns that are not drawn anew in every task, queries in order."""

import math
from typing import Any

import torch
from torch import Tensor

from quickstudy.checks.finding import Finding, Observation, Severity, skipped
from quickstudy.checks.sources import one_hot_rows
from quickstudy.tasks.row_plan import RowPlan
from quickstudy.tasks.source import TaskSource, generator_of

__all__ = ["fixed_columns", "information", "revealing_positions"]

_SHUFFLES = 40
_FAR = 6.0
_BATCH = 250


def information(rows: Tensor, columns: Tensor) -> float:
    """The mutual information of two lists of numbers, in nats, from their counts: ``Σ p(r, c) log p(r, c) / (p(r) p(c))``.

    >>> information(torch.tensor([0, 0, 1, 1]), torch.tensor([0, 0, 1, 1])), information(torch.arange(2), torch.zeros(2).long())
    (0.6931471824645996, 0.0)
    """
    wide = int(columns.max()) + 1
    pairs = torch.unique(rows * wide + columns, return_counts=True)[1]
    counts = [pairs, *[torch.unique(each, return_counts=True)[1] for each in (rows, columns)]]
    joint, row, column = (-(c / c.sum() * (c / c.sum()).log()).sum() for c in counts)
    return float((row + column - joint).clamp(min=0))


def fixed_columns(source: TaskSource[Any], *, tasks: int = 1000, seed: int = 0) -> Observation:
    """Whether a class keeps to some columns, so that a network can memorise the column instead of using the support set.

    The mutual information of class and column over planned tasks is compared with what it is when columns are drawn anew
    within each task: 0 is as it should be, 1 is a class whose column never changes.

    Args:
        source: of planned rows and classes.
        tasks: how many are planned; nothing is gathered.
        seed: of the plan.

    >>> from quickstudy.datasets.arrays import from_arrays
    >>> from quickstudy.tasks.few_shot import FewShot
    >>> source = FewShot(from_arrays(torch.randn(60, 4), torch.arange(60) % 12), ways=5, shots=1, queries=1)
    >>> fixed_columns(source).verdict
    'ok'
    """
    plans = [source.plan(_BATCH, generator_of(seed, n)) for n in range(max(1, tasks // _BATCH))]
    classes = [plan.classes for plan in plans if isinstance(plan, RowPlan)]
    if not classes:
        return skipped("no classes are planned")
    wide = max(c.shape[1] for c in classes)
    table = torch.cat([torch.nn.functional.pad(c, (0, wide - c.shape[1]), value=-1) for c in classes])
    if int((table >= 0).sum(1).max()) < 2:
        return skipped("tasks have one class")
    share, sigmas = _shared(table, torch.arange(wide).expand(table.shape), table >= 0, seed)
    note = f"class columns give away {share:.1%} of the class ({len(table):,} tasks planned)"
    if sigmas < _FAR:
        return Observation(note)
    finding = Finding(
        f"Classes keep to their columns: class and column share {share:.0%} of the information that they could share, "
        f"{sigmas:.0f} standard deviations above chance.",
        Severity.SEVERE if share > 0.05 else Severity.WARNING,
        "Draw the column of each class anew in every task (do not sort by number or name), as tasks.FewShot does.",
        {"share": share, "sigmas": sigmas},
    )
    return Observation(note, (finding,))


def revealing_positions(source: TaskSource[Any], *, tasks: int = 200, seed: int = 0) -> Observation:
    """Whether the position of an example among support or queries reveals its class (rows sorted by class, for example).

    Learners that read examples in order, or all queries together, can then answer without reading them.

    Args:
        source: of classes.
        tasks: how many are drawn.
        seed: of the tasks.
    """
    columns: dict[str, list[Tensor]] = {"support": [], "query": []}
    for n in range(max(1, tasks // 50)):
        drawn = source.sample(min(50, tasks), generator_of(seed, n))
        for name, side in (("support", drawn.support), ("query", drawn.query)):
            for number in range(len(drawn)):
                one = side[number].trim()
                if not len(one) or not one_hot_rows(one):
                    return skipped("targets are values, or a support set is empty")
                columns[name].append(one.labels)
    found, notes = [], []
    for name, lists in columns.items():
        wide = max(map(len, lists))
        table = torch.stack([torch.nn.functional.pad(each, (0, wide - len(each)), value=-1) for each in lists])
        share, sigmas = _shared(torch.arange(wide).expand(table.shape), table.clamp(min=0), table >= 0, seed)
        notes.append(f"{name} {share:.1%}")
        if sigmas >= _FAR:
            found.append(
                Finding(
                    f"The position of a {name} example gives away {share:.0%} of its class, {sigmas:.0f} standard deviations "
                    "above chance.",
                    Severity.WARNING,
                    f"Shuffle the {name} examples of each task (in plan, from the generator).",
                    {"share": share, "sigmas": sigmas},
                )
            )
    return Observation(f"positions give away of the class: {', '.join(notes)}", tuple(found))


def _shared(rows: Tensor, columns: Tensor, real: Tensor, seed: int) -> tuple[float, float]:
    """The share of the information that rows and columns (T, K) could share, and its distance from chance in standard deviations.

    Chance is shuffled within each task, among its real entries.
    """
    generator = generator_of(seed, 5)
    flat, wide = rows[real], columns[real]
    measured = information(flat, wide)
    chance = []
    for _ in range(_SHUFFLES):
        order = (torch.rand(real.shape, generator=generator) + 2.0 * ~real).argsort(dim=1)
        back = torch.empty_like(order).scatter_(1, (~real).long().argsort(dim=1, stable=True), order)
        chance.append(information(flat, columns.gather(1, back)[real]))
    values = torch.tensor(chance)
    most = min(math.log(len(torch.unique(flat))), math.log(len(torch.unique(wide)))) if len(flat) else 0.0
    excess, room = measured - float(values.mean()), most - float(values.mean())
    share = excess / room if room > 1e-6 else 0.0
    return max(share, 0.0), excess / max(float(values.std()), 1e-6)
