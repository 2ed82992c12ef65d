"""Mixed tasks: MetaMix mixes queries with the support set, MLTI interpolates two tasks.

Sources: Yao, Huang, Zhang, Wei, Tian, Zou, Huang & Li, 2021, Improving generalization in meta-learning via task augmentation
(MetaMix); Yao, Zhang & Finn, 2022, Meta-learning with fewer tasks through task interpolation (MLTI).
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from quickstudy.borders.targets import names_classes
from quickstudy.errors import TaskError
from quickstudy.functional.counted_random import counted_uniforms
from quickstudy.functional.mixing import BetaShare, Mixed, mix
from quickstudy.functional.tree import map_leaves
from quickstudy.task import Examples, Task
from quickstudy.tasks.augmented import Augmented
from quickstudy.tasks.meta_aug import Permuted
from quickstudy.tasks.source import TaskSource

__all__ = ["MLTI", "MetaMix", "Share"]

Share = Callable[[Tensor], Tensor]
"""From uniform numbers in [0, 1), one for each task, the shares λ in [0, 1]."""

_SHARE, _LEVEL, _SUPPORT, _QUERY = 11, 12, 13, 14


class MetaMix(Augmented):
    """The tasks of another source whose queries are mixed with their support sets.

        ``x̃_Q = λ x_Q + (1 − λ) x_S``,    ``ỹ_Q = λ y_Q + (1 − λ) y_S``,    λ ~ Beta for each task

    Each query is mixed with a random support example; the support set stays as it is. Mixed classes are soft targets. With
    ``levels`` above 1 the pairs are mixed after that many blocks of a network, drawn for each task from 0 to levels − 1:
    inputs are then `functional.Mixed` pairs, for a network in `nn.Mixing`.

    Args:
        source: of the tasks.
        share: λ from uniform numbers; the paper's is Beta(0.5, 0.5).
        levels: where pairs may be mixed; 1 mixes inputs alone, for any network.

    Raises:
        TaskError: no level.

    >>> from quickstudy.tasks.sinusoid import Sinusoid
    >>> MetaMix(Sinusoid()).sample(2).query.y.shape
    torch.Size([2, 10, 1])
    """

    def __init__(self, source: TaskSource[Any], share: Share = BetaShare(0.5, 0.5), *, levels: int = 1) -> None:  # noqa: B008
        super().__init__(source, f"MetaMix, {_words(share, levels)}")
        self.share, self.levels = share, levels

    def changed(self, drawn: list[Task], seeds: Tensor) -> Task:
        support, query = drawn[0].support, drawn[0].query
        share, level = _drawn(self.share, self.levels, seeds)
        open_ = support.mask[:, None, :].expand(-1, query.mask.shape[1], -1) > 0
        mixed = _mixed(query, support, _partners(open_, seeds, _QUERY), share, level, targets=True)
        alone = torch.arange(support.mask.shape[1]).expand_as(support.mask)
        whole = _mixed(support, support, alone, torch.ones_like(share), level, targets=False)
        return Task(whole, mixed) if self.levels > 1 else _at_once(Task(whole, mixed))


class MLTI(Augmented):
    """Tasks between two tasks of another source, in their support and in their query sets.

        ``x̃ = λ x_i + (1 − λ) x_j``,    λ ~ Beta for each pair of tasks

    Where tasks do not share their labels, a class of the one is paired with a class of the other at random, and the pair is
    the new class: targets stay. (In tasks of different ways a class that finds none is paired with any example.) Where they
    do, and values always do, targets are mixed as well, ``ỹ = λ y_i + (1 − λ) y_j``.
    With ``levels`` above 1 see `MetaMix`.

    Args:
        source: of both tasks.
        share: λ from uniform numbers; the paper's is Beta(2, 2).
        shares_labels: whether a column means the same class in all tasks.
        levels: where pairs may be mixed; 1 mixes inputs alone, for any network.

    Raises:
        TaskError: no level.

    >>> from quickstudy.tasks.sinusoid import Sinusoid
    >>> MLTI(Sinusoid(shots=5), levels=3).sample(2).support.x.first.shape
    torch.Size([2, 5, 1])
    """

    def __init__(
        self,
        source: TaskSource[Any],
        share: Share = BetaShare(2.0, 2.0),  # noqa: B008  a frozen record
        *,
        shares_labels: bool = False,
        levels: int = 1,
    ) -> None:
        super().__init__(source, f"MLTI, {_words(share, levels)}{', labels mixed' if shares_labels else ''}", of=2)
        self.share, self.shares_labels, self.levels = share, shares_labels, levels

    def changed(self, drawn: list[Task], seeds: Tensor) -> Task:
        one, other = drawn
        by_class = names_classes(one.query.y) and not self.shares_labels
        if by_class:
            other = Permuted()(other, seeds)
        share, level = _drawn(self.share, self.levels, seeds)
        sides = []
        for mine, theirs, stream in ((one.support, other.support, _SUPPORT), (one.query, other.query, _QUERY)):
            open_ = theirs.mask[:, None, :].expand(-1, mine.mask.shape[1], -1) > 0
            if by_class:
                ways = min(mine.y.shape[2], theirs.y.shape[2])
                alike = open_ & (mine.y[..., :ways] @ theirs.y[..., :ways].mT > 0)
                open_ = torch.where(alike.any(2, keepdim=True), alike, open_)
            sides.append(_mixed(mine, theirs, _partners(open_, seeds, stream), share, level, targets=not by_class))
        return Task(*sides) if self.levels > 1 else _at_once(Task(*sides))


def _words(share: Share, levels: int) -> str:
    if levels < 1:
        raise TaskError(f"levels={levels}: pairs must be mixed somewhere. Give 1 to mix inputs, more for hidden layers.")
    by = repr(share) if isinstance(share, BetaShare) else getattr(share, "__name__", type(share).__name__)
    return f"shares by {by}" + (f" at {levels} levels" if levels > 1 else "")


def _drawn(share: Share, levels: int, seeds: Tensor) -> tuple[Tensor, Tensor]:
    """λ and the level of each task, (B,)."""
    uniform = counted_uniforms(seeds, (1,), _LEVEL)[:, 0]
    return share(counted_uniforms(seeds, (1,), _SHARE)[:, 0]), (uniform * levels).long()


def _partners(open_: Tensor, seeds: Tensor, stream: int) -> Tensor:
    """For each row (B, S) one of the other side's rows that are open to it (B, S, R), drawn evenly."""
    if open_.shape[1] == 0:
        return torch.zeros(open_.shape[:2], dtype=torch.long)
    if open_.shape[2] == 0:
        raise TaskError("the support sets are empty, so queries have nothing to be mixed with. Use MLTI, or tasks with shots.")
    keys = counted_uniforms(seeds, open_.shape[1:], stream)
    return keys.masked_fill(~open_, -1).argmax(2)


def _mixed(mine: Examples, theirs: Examples, rows: Tensor, share: Tensor, level: Tensor, *, targets: bool) -> Examples:
    """Each of my rows with its partner; padding stays as it is."""
    tasks = torch.arange(len(rows))[:, None]
    second = map_leaves(lambda leaf: leaf[tasks, rows], theirs.x)
    weight = torch.where(mine.mask > 0, share[:, None].to(mine.y.dtype), 1)
    y = mine.y
    if targets:
        wide = max(y.shape[2], theirs.y.shape[2])
        grown = [torch.nn.functional.pad(t, (0, wide - t.shape[2])) for t in (y, theirs.y)]
        y = mix(grown[0], grown[1][tasks, rows], weight)
    return Examples(Mixed(mine.x, second, weight, level[:, None].expand_as(rows)), y, mine.mask)


def _at_once(tasks: Task) -> Task:
    """Pairs mixed in input space."""
    return Task(*[side.replace(mix(side.x.first, side.x.second, side.x.share)) for side in (tasks.support, tasks.query)])
