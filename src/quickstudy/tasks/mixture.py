"""Tasks of several sources in one stream, each task from one of them."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from quickstudy.errors import ShapeError, TaskError
from quickstudy.functional.tree import cat, leaves, map_leaves
from quickstudy.inputs.kind import InputKind
from quickstudy.likelihood import Likelihood
from quickstudy.task import Examples, Task
from quickstudy.tasks.source import Encoder, Indexed, Plan, TaskSource

__all__ = ["Mixture", "MixturePlan"]


@dataclass(frozen=True)
class MixturePlan(Plan):
    """Which source each task comes from (B,), its place in that source's plan (B,), and those plans."""

    source: Tensor
    place: Tensor
    plans: tuple[Plan | None, ...] = ()

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, tasks: Any) -> "MixturePlan":
        return MixturePlan(self.source[tasks], self.place[tasks], self.plans)

    def digest(self) -> str:
        parts = [plan.digest() if plan else "" for plan in self.plans]
        order = torch.stack([self.source, self.place]).numpy().tobytes().hex()
        return "-".join([*parts, order])


class Mixture(TaskSource[MixturePlan]):
    """Draws each task from one of several sources; all are padded to the largest, absent classes included.

    Args:
        sources: task sources whose inputs have one shape.
        weights: how often each is drawn; equally often by default.

    >>> from quickstudy.tasks.sinusoid import Sinusoid
    >>> Mixture([Sinusoid(shots=5), Sinusoid(shots=10)]).sample(4).support.x.shape[0]
    4
    """

    def __init__(self, sources: Sequence[TaskSource[Any]], weights: Sequence[float] | None = None) -> None:
        if not sources or (weights is not None and len(weights) != len(sources)):
            raise TaskError("a mixture needs at least one source, and as many weights as sources.")
        self.sources = tuple(sources)
        self.weights = torch.tensor(weights or [1.0] * len(sources), dtype=torch.float64)
        if not (self.weights >= 0).all() or self.weights.sum() <= 0:
            raise TaskError(f"the weights {list(weights or [])} must not be negative, and at least one must be positive.")
        self.name = "mixture of " + ", ".join(source.name for source in sources)

    def plan(self, batch: int, generator: torch.Generator | None = None) -> MixturePlan:
        chosen = torch.multinomial(self.weights, batch, replacement=True, generator=generator)
        place = torch.zeros_like(chosen)
        plans: list[Plan | None] = []
        for number, source in enumerate(self.sources):
            here = chosen == number
            place[here] = torch.arange(int(here.sum()))
            plans.append(source.plan(int(here.sum()), generator) if here.any() else None)
        return MixturePlan(chosen, place, tuple(plans))

    @property
    def likelihood(self) -> Likelihood:
        found = [source.likelihood for source in self.sources]
        for source, other in zip(self.sources, found, strict=True):
            if other.targets != found[0].targets:
                raise TaskError(
                    f"a mixture has one kind of targets, but those of {self.sources[0].name} are {found[0].targets} and those of "
                    f"{source.name} {other.targets}. Mix sources of one kind."
                )
        return found[0]

    @property
    def reads(self) -> InputKind | None:
        """That of all its sources, where it is the same."""
        found = {source.reads for source in self.sources}
        return found.pop() if len(found) == 1 else None

    def at(self, step: int) -> "Mixture":
        now = [source.at(step) for source in self.sources]
        same = all(a is b for a, b in zip(now, self.sources, strict=True))
        return self if same else Mixture(now, self.weights.tolist())

    def observe(self, plan: MixturePlan, losses: Tensor) -> None:
        for number, (source, inner) in enumerate(zip(self.sources, plan.plans, strict=True)):
            here = plan.source == number
            if inner is not None and here.any():
                source.observe(inner[plan.place[here]], losses[here.to(losses.device)])

    def state_dict(self) -> dict[str, Any]:
        return {str(number): source.state_dict() for number, source in enumerate(self.sources)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        for number, source in enumerate(self.sources):
            source.load_state_dict(state[str(number)])

    def digest(self, plan: MixturePlan) -> str:
        parts = [source.digest(inner) for source, inner in zip(self.sources, plan.plans, strict=True) if inner is not None]
        return hashlib.sha256(":".join([super().digest(plan), *parts]).encode()).hexdigest()[:16]

    def gather(self, plan: MixturePlan) -> Task:
        return self._joined(plan, lambda source, inner: source.gather(inner))

    def named_columns(self, plan: MixturePlan) -> tuple[Tensor, Sequence[str]] | None:
        """Classes of one name in two sources are one; None where some source names none."""
        made = [(source.named_columns(inner), here) for source, inner, here in self._parts(plan)]
        known = [(found, here) for found, here in made if found is not None]
        if len(known) < len(made) or not known:
            return None
        names = {name: None for (_, each), _ in known for name in each}
        number = {name: place for place, name in enumerate(names)}
        columns = torch.full((len(plan), max(classes.shape[1] for (classes, _), _ in known)), -1)
        for (classes, each), here in known:
            moved = torch.tensor([*(number[name] for name in each), -1])[classes]  # -1 stays -1
            columns[here, : classes.shape[1]] = moved
        return columns, list(names)

    def rows(self, plan: MixturePlan) -> Sequence[tuple[Indexed, Tensor]]:
        return [found for source, inner, _ in self._parts(plan) for found in source.rows(inner)]

    def encoded(self, plan: MixturePlan, encoder: Encoder) -> Task:
        return self._joined(plan, lambda source, inner: source.encoded(inner, encoder))

    def _parts(self, plan: MixturePlan) -> Iterator[tuple[TaskSource[Any], Plan, Tensor]]:
        """Each source that has tasks here, its plan of them, and their places in the batch."""
        for number, (source, inner) in enumerate(zip(self.sources, plan.plans, strict=True)):
            here = torch.where(plan.source == number)[0]
            if len(here) and inner is not None:
                yield source, inner[plan.place[here]], here

    def _joined(self, plan: MixturePlan, tasks_of: Callable[[TaskSource[Any], Plan], Task]) -> Task:
        made = [(tasks_of(source, inner), here) for source, inner, here in self._parts(plan)]
        parts, order = [task for task, _ in made], [here for _, here in made]
        shapes = {" and ".join(str(tuple(leaf.shape[2:])) for leaf in leaves(part.support.x)) for part in parts}
        if len(shapes) > 1:
            raise ShapeError(
                f"the sources of a mixture give inputs of shapes {', '.join(sorted(shapes))}. Bring them to one shape."
            )
        back = torch.cat(order).argsort()
        ways = max(part.support.y.shape[2] for part in parts)
        support = cat([_widen(part.support, max(p.support.mask.shape[1] for p in parts), ways) for part in parts])
        query = cat([_widen(part.query, max(p.query.mask.shape[1] for p in parts), ways) for part in parts])
        return Task(support, query)[back]


def _widen(examples: Examples, rows: int, ways: int) -> Examples:
    """Batched examples (B, S, …) grown to ``rows`` rows and ``ways`` columns."""

    def longer(leaf: Tensor) -> Tensor:
        return torch.cat([leaf, leaf.new_zeros(leaf.shape[0], rows - leaf.shape[1], *leaf.shape[2:])], 1)

    grown = map_leaves(longer, examples)
    return Examples(grown.x, torch.nn.functional.pad(grown.y, (0, ways - grown.y.shape[2])), grown.mask)
