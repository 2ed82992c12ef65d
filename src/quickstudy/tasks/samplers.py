"""Which classes a few-shot task is made of, where they are not drawn uniformly; an object passed to `FewShot`.

Source: Kumar, Deleu & Bengio, 2023, The effect of diversity in meta-learning (samplers by diversity, by loss, without
repetition; the uniform one is hard to beat).
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from quickstudy.borders.signatures import checking_constructor
from quickstudy.datasets.class_index import ClassIndex
from quickstudy.errors import TaskError

__all__ = ["Balanced", "ClassSampler", "EachOnce", "Hard", "in_random_order", "most_of"]


class ClassSampler(ABC):
    """Chooses the classes of tasks. Drawing changes nothing; what it remembers comes from `observe` alone, and is saved.

    Args:
        index: of the classes.
    """

    name = "sampled"

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        checking_constructor(cls, TaskError)

    def __init__(self, index: ClassIndex) -> None:
        self.count = len(index.classes)

    @abstractmethod
    def draw(self, ways: Tensor, possible: Tensor, generator: torch.Generator | None) -> Tensor:
        """Distinct classes (B, N), of which a task uses the first ``ways`` (B,), among those that are ``possible`` (B, C)."""

    def observe(self, classes: Tensor, losses: Tensor) -> None:  # noqa: B027  some samplers remember nothing
        """Receives the losses (B,) of tasks of these classes (B, N), -1 = none."""

    def state_dict(self) -> dict[str, Any]:
        """What is remembered; nothing by default."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:  # noqa: B027
        """Takes up what `state_dict` gave."""


def most_of(scores: Tensor, possible: Tensor, count: int) -> Tensor:
    """The ``count`` possible classes of the highest scores (B, C) in each task."""
    return scores.masked_fill(~possible, -torch.inf).topk(count, dim=1).indices


def in_random_order(classes: Tensor, ways: Tensor, generator: torch.Generator | None) -> Tensor:
    """The first ``ways`` classes of each task shuffled, so that the column of a class does not depend on how it was chosen."""
    unused = torch.arange(classes.shape[1]) >= ways[:, None]
    keys = torch.rand(classes.shape, generator=generator) + 2.0 * unused
    return classes.gather(1, keys.argsort(dim=1))


class Balanced(ClassSampler):
    """The same number of classes from each family (alphabet, writing system), up to one, while they last.

    Args:
        index: of the classes, with families.

    Raises:
        TaskError: it has none.

    >>> index = ClassIndex(torch.zeros(8, 1), torch.arange(8), tuple("abcdefgh"), families=tuple("XXXXXXYY"))
    >>> drawn = Balanced(index).draw(torch.tensor([4]), torch.ones(1, 8, dtype=torch.bool), None)
    >>> int((drawn >= 6).sum())
    2
    """

    name = "family-balanced"

    def __init__(self, index: ClassIndex) -> None:
        super().__init__(index)
        if not index.families:
            raise TaskError(
                f"{index.name} has no families of classes to balance. Give ClassIndex(families=...), one for each class."
            )
        names = sorted(set(index.families))
        self.families = torch.tensor([names.index(family) for family in index.families])

    def draw(self, ways: Tensor, possible: Tensor, generator: torch.Generator | None) -> Tensor:
        batch, many = len(ways), int(self.families.max()) + 1
        family = torch.where(possible, self.families, many)
        order = (family + torch.rand(possible.shape, generator=generator, dtype=torch.float64)).argsort(dim=1)
        sizes = torch.zeros(batch, many + 1, dtype=torch.long).scatter_add_(1, family, torch.ones_like(family))
        place = torch.arange(self.count) - (sizes.cumsum(1) - sizes).gather(1, family.gather(1, order))
        rank = torch.empty_like(place).scatter_(1, order, place)  # of a class among the possible ones of its family
        luck = torch.rand(batch, many + 1, generator=generator).gather(1, family)
        return most_of(luck - rank, possible, int(ways.max()))


class EachOnce(ClassSampler):
    """No class is drawn again before all others: passes over the classes in random order, like epochs over rows.

    Those drawn least often come first. Draws are counted from `observe`, which `train` calls, and within a batch.

    Args:
        index: of the classes.

    >>> index = ClassIndex(torch.zeros(6, 1), torch.arange(6), tuple("abcdef"))
    >>> sampler = EachOnce(index)
    >>> sampler.draw(torch.tensor([3, 3]), torch.ones(2, 6, dtype=torch.bool), None).unique().tolist()
    [0, 1, 2, 3, 4, 5]
    """

    name = "each-once"

    def __init__(self, index: ClassIndex) -> None:
        super().__init__(index)
        self.drawn = torch.zeros(self.count, dtype=torch.long)

    def draw(self, ways: Tensor, possible: Tensor, generator: torch.Generator | None) -> Tensor:
        luck = torch.rand(possible.shape, generator=generator, dtype=torch.float64)
        drawn, found = self.drawn.clone(), []
        for task, count in enumerate(ways.tolist()):
            found.append(most_of((luck[task] - drawn)[None], possible[task][None], int(ways.max()))[0])
            drawn[found[-1][:count]] += 1
        return torch.stack(found)

    def observe(self, classes: Tensor, losses: Tensor) -> None:
        del losses
        self.drawn += torch.bincount(classes[classes >= 0], minlength=self.count)

    def state_dict(self) -> dict[str, Any]:
        return {"drawn": self.drawn.clone()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.drawn.copy_(state["drawn"])


class Hard(ClassSampler):
    """Classes of tasks with a high recent loss are drawn more often.

        ``p_c = floor / C + (1 − floor) · softmax_c(h_c / (T · std h))``,
        ``h_c ← m h_c + (1 − m)(loss − mean of recent losses)`` for each class c of a task

    Distinct classes are drawn with these weights one after another. A loss is a task's, so each of its classes answers for it;
    losses are divided by the logarithm of the ways, and what is common to all tasks of the time is left out.

    Args:
        index: of the classes.
        temperature: T, in standard deviations of h; small is greedy.
        floor: share that is drawn uniformly, so that no class is given up.
        memory: m.

    Raises:
        TaskError: a temperature that is not positive, or a share outside of [0, 1].

    Source: after the hard-task mining of Sun, Liu, Chua & Schiele, 2019, Meta-transfer learning for few-shot learning.
    """

    name = "hard"

    def __init__(self, index: ClassIndex, *, temperature: float = 1.0, floor: float = 0.5, memory: float = 0.7) -> None:
        super().__init__(index)
        if not (temperature > 0 and 0 <= floor <= 1 and 0 <= memory < 1):
            raise TaskError(
                f"temperature={temperature} must be positive, floor={floor} and memory={memory} shares of at most and below 1."
            )
        self.temperature, self.floor, self.memory = temperature, floor, memory
        self.hardness = torch.zeros(self.count, dtype=torch.float64)
        self.usual = torch.full((), torch.nan, dtype=torch.float64)

    @property
    def weights(self) -> Tensor:
        """p, (C,)."""
        spread = self.hardness.std(correction=0).clamp(min=1e-12)
        return self.floor / self.count + (1 - self.floor) * (self.hardness / (self.temperature * spread)).softmax(0)

    def draw(self, ways: Tensor, possible: Tensor, generator: torch.Generator | None) -> Tensor:
        waiting = -torch.rand(possible.shape, generator=generator, dtype=torch.float64).clamp(min=1e-300).log() / self.weights
        return most_of(-waiting, possible, int(ways.max()))  # exponential clocks: those that ring first

    def observe(self, classes: Tensor, losses: Tensor) -> None:
        used = classes >= 0
        relative = losses.detach().cpu().double() / used.sum(1).clamp(min=2).log()
        mean = relative.mean()
        self.usual = mean if bool(self.usual.isnan()) else self.memory * self.usual + (1 - self.memory) * mean
        for task, excess in enumerate(relative - self.usual):
            own = classes[task][used[task]]
            self.hardness[own] = self.memory * self.hardness[own] + (1 - self.memory) * excess

    def state_dict(self) -> dict[str, Any]:
        return {"hardness": self.hardness.clone(), "usual": self.usual.clone()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.hardness.copy_(state["hardness"])
        self.usual = state["usual"].clone()
