"""Tasks of several sizes, adapted to: which axes of a state follow the ways and which the number of examples."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from quickstudy.checks.scene import seeded
from quickstudy.errors import Argument, ShapeError, UserError
from quickstudy.export.material import Material
from quickstudy.export.programs import named_tensors
from quickstudy.learner import Learner
from quickstudy.task import Examples

__all__ = ["Adapted", "Sizes", "adapted", "sizes_of"]

_USUAL_WAYS = 5


@dataclass(frozen=True)
class Adapted:
    """A raw support set, and the state that a learner makes of it."""

    ways: int
    support: Examples
    state: Any

    @property
    def tensors(self) -> dict[str, Tensor]:
        """Of the state, by name."""
        return named_tensors(self.state, "state")


@dataclass(frozen=True)
class Sizes:
    """A task, which other sizes the learner takes, and which axes of the state follow them.

    Args:
        base: the task as it was asked for.
        ways: another number of ways; None where the learner takes no other.
        examples: another number of examples; None where the learner takes no other.
        axes: by tensor of the state and axis, what its size follows: "ways", "examples", or "ways and examples".
    """

    base: Adapted
    ways: int | None
    examples: int | None
    axes: Mapping[str, Mapping[int, str]]

    def chosen(self, free: frozenset[str]) -> dict[str, dict[int, str]]:
        """The axes that follow nothing but what is free."""
        return {
            name: {axis: what for axis, what in axes.items() if set(what.split(" and ")) <= free}
            for name, axes in self.axes.items()
        }

    def freedoms(self) -> list[frozenset[str]]:
        """What may be free, from most to nothing."""
        there = {part for axes in self.axes.values() for what in axes.values() for part in what.split(" and ")}
        wanted = (frozenset({"ways", "examples"}), frozenset({"ways"}), frozenset({"examples"}), frozenset[str]())
        return list(dict.fromkeys(each & there for each in wanted))

    def traced(self, learner: Learner[Any], material: Material, free: frozenset[str]) -> Adapted:
        """The task on which a program is traced: of the fewer ways, where a network as wide as the ways takes no more."""
        if "ways" in free and self.ways and self.ways < self.base.ways:
            return adapted(learner, material, self.ways, len(self.base.support))
        return self.base

    def other(self, learner: Learner[Any], material: Material, free: frozenset[str]) -> Adapted:
        """Another task, whose sizes differ where they are free."""
        ways = max(self.ways, self.base.ways) if "ways" in free and self.ways else self.base.ways
        examples = self.examples if "examples" in free and self.examples else len(self.base.support)
        return adapted(learner, material, ways, examples, start=7)


def sizes_of(learner: Learner[Any], material: Material, ways: int | None, shots: int) -> Sizes:
    """Adapts to tasks of several sizes.

    Args:
        learner: in eval mode.
        material: rows for the tasks.
        ways: of the tasks; None: five, or as many as the learner takes.
        shots: examples of each class; of values and labels five times as many in all.

    Raises:
        UserError: the learner cannot adapt to such a task.
    """
    base = _base(learner, material, ways, shots)
    examples = _tried(learner, material, base.ways, len(base.support) + 3)
    wider = None
    if material.kind != "values":
        wider = _tried(learner, material, base.ways + 1, len(base.support))
        if wider is None and base.ways > 2:  # as wide as the network is
            wider = _tried(learner, material, base.ways - 1, len(base.support))
    axes = _differing(base, wider, examples)
    return Sizes(base, wider.ways if wider else None, len(examples.support) if examples else None, axes)


def _base(learner: Learner[Any], material: Material, ways: int | None, shots: int) -> Adapted:
    usual = (1,) if material.kind == "values" else range(_USUAL_WAYS, 1, -1)
    reason: UserError | None = None
    for each in usual if ways is None or material.kind == "values" else (ways,):
        try:
            return adapted(learner, material, each, shots * (each if material.kind == "classes" else _USUAL_WAYS))
        except ShapeError as error:
            reason = error
    raise ShapeError(
        f"the learner cannot adapt to a task of this size ({reason}). Give another number of ", Argument("ways"), "."
    )


def adapted(learner: Learner[Any], material: Material, ways: int, examples: int, start: int = 0) -> Adapted:
    """A task of a size, adapted to with fixed random numbers."""
    support = material.support(ways, examples, start)
    with torch.no_grad():
        return Adapted(ways, support, seeded(lambda: learner.adapt(support.replace(learner.encode(support.x)))))


def _tried(learner: Learner[Any], material: Material, ways: int, examples: int) -> Adapted | None:
    try:
        return adapted(learner, material, ways, examples)
    except (UserError, RuntimeError, IndexError):  # a network for so many rows or columns and no others
        return None


def _differing(base: Adapted, wider: Adapted | None, longer: Adapted | None) -> dict[str, dict[int, str]]:
    found: dict[str, dict[int, str]] = {name: {} for name in base.tensors}
    for what, other in (("ways", wider), ("examples", longer)):
        if other is None:
            continue
        for name, tensor in other.tensors.items():
            mine = base.tensors.get(name)
            if mine is None or mine.ndim != tensor.ndim:
                continue
            for axis, (here, there) in enumerate(zip(mine.shape, tensor.shape, strict=True)):
                if here != there:
                    found[name][axis] = f"{found[name][axis]} and {what}" if axis in found[name] else what
    return found
