"""A source of tasks first plans (which rows, which columns), then gathers the numbers.

A plan is small and frozen: it gives evaluations their digest, lets an encoder see each row once, and reaches data larger
than memory.
"""

import functools
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Generic, Literal, Protocol, Self, TypeVar

import torch
from torch import Tensor

from quickstudy.borders.arguments import shown, whole
from quickstudy.borders.signatures import checking_constructor
from quickstudy.borders.targets import read_targets
from quickstudy.errors import DataError, TaskError
from quickstudy.functional.tree import leading, leaves, map_leaves
from quickstudy.inputs.kind import InputKind
from quickstudy.likelihood import Categorical, Gaussian, Likelihood
from quickstudy.task import Inputs, Task

__all__ = ["Encoder", "Indexed", "Plan", "TaskSource", "generator_of", "rows_seen"]


@dataclass(frozen=True)
class Plan:
    """A batch of planned tasks: every field a tensor (or a tree of them) with the task as leading axis."""

    apart: ClassVar[Literal["classes", "rows"] | None] = None
    """What no two of these tasks share, if that is promised."""

    def __len__(self) -> int:
        return leading([getattr(self, field.name) for field in fields(self)])

    def __getitem__(self, tasks: Any) -> Self:
        return type(self)(*[map_leaves(lambda leaf: leaf[tasks], getattr(self, f.name)) for f in fields(self)])

    def digest(self) -> str:
        """A fingerprint of the task list: equal plans, equal digests."""
        found = hashlib.sha256(type(self).__name__.encode())
        for field in fields(self):
            for leaf in leaves(getattr(self, field.name)):
                found.update(f"{field.name}{tuple(leaf.shape)}{leaf.dtype}".encode())
                found.update(leaf.contiguous().numpy().tobytes())
        return found.hexdigest()[:16]


PlanT = TypeVar("PlanT", bound=Plan)


class Indexed(Protocol):
    """An index of classes or a table of tasks: rows by number."""

    def gather(self, rows: Tensor) -> Inputs:
        """Rows by number; ``rows`` of any shape."""


class Encoder(Protocol):
    """What gives a source features: of rows that many tasks share, or of whole tasks."""

    def rows(self, data: Indexed, rows: Tensor) -> Inputs:
        """Features of rows by number, of any shape."""

    def tasks(self, tasks: Task) -> Task:
        """A batch of tasks encoded."""


class TaskSource(ABC, Generic[PlanT]):
    """Where tasks come from, what their targets mean (`likelihood`), and how raw inputs become tensors (`reads`).

    `train` and `evaluate` compare both with the learner's before they begin.
    """

    name: str = "tasks"

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        checking_constructor(cls, TaskError)
        if "plan" in cls.__dict__:
            cls.plan = _asked_rightly(cls.plan)  # type: ignore[method-assign]

    @property
    def likelihood(self) -> Likelihood:
        """The meaning of targets; your own source declares it in its class: ``likelihood = Gaussian()``.

        If it does not, it is inferred from a few of its tasks: one-hot rows are classes, numbers with decimals values.

        Raises:
            TaskError: the targets of these tasks can be read in two ways.
        """
        query = self.sample(4, generator_of(0)).query
        try:
            kind, _ = read_targets(query.y[query.mask.bool()], what="the targets")
        except DataError:
            kind = "labels"
        if kind == "labels":
            raise TaskError(
                f"what the targets of {self.name} mean cannot be inferred from a few tasks. Declare it in the source's class: "
                "likelihood = Categorical() for classes, Gaussian() for values, Labels() for rows of several labels."
            )
        return Categorical() if kind == "classes" else Gaussian()

    @property
    def reads(self) -> InputKind | None:
        """How a raw thing (an image file, a text, a row of a table) becomes an input; None where it is not declared."""
        return None

    @abstractmethod
    def plan(self, batch: int, generator: torch.Generator | None = None) -> PlanT:
        """Plans ``batch`` tasks; the generator alone decides which."""

    @abstractmethod
    def gather(self, plan: PlanT) -> Task:
        """The planned tasks, stacked along a leading axis."""

    def rows(self, plan: PlanT) -> Sequence[tuple[Indexed, Tensor]]:
        """Data and the row numbers of it that tasks consist of, unchanged: what an encoder need meet only once.

        None by default: rows that are synthetic, or augmented for each task, cannot be shared.
        """
        return []

    def encoded(self, plan: PlanT, encoder: Encoder) -> Task:
        """The planned tasks with features for inputs; those of `rows` are known to ``encoder`` already."""
        return encoder.tasks(self.gather(plan))

    def named_columns(self, plan: PlanT) -> tuple[Tensor, Sequence[str]] | None:
        """The class in each target column of each task (B, N), -1 = none, and the names of all classes by number.

        None where targets are no classes, or classes have no names: then a report has no accuracy by class.
        """
        return None

    def digest(self, plan: PlanT) -> str:
        """The fingerprint of a task list: of its source's name and its plan."""
        return hashlib.sha256(f"{self.name}:{plan.digest()}".encode()).hexdigest()[:16]

    def at(self, step: int) -> "TaskSource[PlanT]":
        """The source that plans outer step ``step`` (0 = first): another one where tasks change in the course of training."""
        return self

    def observe(self, plan: PlanT, losses: Tensor) -> None:
        """Receives from `train`, after each step, the losses (B,) of its tasks, those of all processes."""

    def state_dict(self) -> dict[str, Any]:
        """What this source remembers of the losses it observed; saved with a run, so that it resumes bit for bit."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes up what `state_dict` gave."""

    def sample(self, batch: int, generator: torch.Generator | None = None) -> Task:
        """``batch`` tasks, stacked along a leading axis."""
        return self.gather(self.plan(batch, generator))


def _asked_rightly(plan: Callable[..., PlanT]) -> Callable[..., PlanT]:
    """``plan`` that refuses numbers of tasks below 1, and a seed in the place of a generator."""

    @functools.wraps(plan)
    def planning(self: Any, batch: int, generator: torch.Generator | None = None) -> PlanT:
        whole(TaskError, batch=batch)
        if generator is not None and not isinstance(generator, torch.Generator):
            raise TaskError(f"generator={shown(generator)} must be a generator: torch.Generator().manual_seed(0), or None.")
        return plan(self, batch, generator)

    return planning


def generator_of(*seeds: int) -> torch.Generator:
    """A generator that depends on all of ``seeds`` and on nothing else.

    >>> a, b = generator_of(0, 1), generator_of(0, 1)
    >>> bool(torch.rand(1, generator=a) == torch.rand(1, generator=b))
    True
    """
    mixed = hashlib.sha256(",".join(map(str, seeds)).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(mixed[:8], "little") >> 1)


def rows_seen(*rows: Tensor) -> tuple[Tensor, list[Tensor]]:
    """The distinct row numbers in ``rows``, sorted, and the position of each given one among them.

    >>> rows_seen(torch.tensor([7, 2]), torch.tensor([[2, 9]]))
    (tensor([2, 7, 9]), [tensor([1, 0]), tensor([[0, 2]])])
    """
    every = torch.cat([r.reshape(-1) for r in rows])
    count = int(every.max()) + 1 if len(every) else 0
    if 0 < count <= 4 * len(every):  # a table of all rows, small beside the plan, is filled faster than numbers are sorted
        seen = torch.zeros(count, dtype=torch.bool)
        seen[every] = True
        distinct, places = seen.nonzero()[:, 0], (seen.cumsum(0) - 1)[every]
    else:
        distinct, places = torch.unique(every, return_inverse=True)
    parts = torch.split(places, [r.numel() for r in rows])
    return distinct, [part.view_as(r) for part, r in zip(parts, rows, strict=True)]
