"""Tasks that grow in the course of training: ways and shots as a function of the step.

Source: Bengio, Louradour, Collobert & Weston, 2009, Curriculum learning.
"""

from collections.abc import Callable
from dataclasses import replace

import torch

from quickstudy.errors import TaskError
from quickstudy.tasks.few_shot import FewShot
from quickstudy.tasks.row_plan import RowPlan

__all__ = ["Curriculum", "Lesson", "growing"]

Lesson = Callable[[int], tuple[int, int]]
"""From the step (0 = first) the ways and shots of its tasks."""


def growing(first: tuple[int, int], last: tuple[int, int], steps: int) -> Lesson:
    """(ways, shots) from ``first`` to ``last`` in a straight line over ``steps`` steps, then ``last`` for good.

    >>> lesson = growing((2, 5), (20, 1), 10)
    >>> [lesson(step) for step in (0, 5, 10, 99)]
    [(2, 5), (11, 3), (20, 1), (20, 1)]
    """

    def lesson(step: int) -> tuple[int, int]:
        share = min(1.0, step / max(1, steps))
        ways, shots = (round(a + share * (b - a)) for a, b in zip(first, last, strict=True))
        return ways, shots

    return lesson


class Curriculum(FewShot):
    """A source whose tasks have other ways and shots in each outer step; without a step (when evaluated) its full sizes.

    A task of fewer ways has absent classes in its last columns, so that a network with an output for each way fits.

    Args:
        source: of whose classes and full sizes the tasks are.
        lesson: ways and shots of a step; of ways no more than the source's.

    Raises:
        TaskError: a lesson that the classes do not allow, when its step is planned.

    >>> from quickstudy.datasets.arrays import from_arrays
    >>> source = FewShot(from_arrays(torch.randn(60, 4), torch.arange(60) % 6), ways=5, queries=2)
    >>> task = Curriculum(source, growing((2, 3), (5, 1), 10)).at(0).sample(1)
    >>> task.support.x.shape, task.support.y.shape
    (torch.Size([1, 6, 4]), torch.Size([1, 6, 5]))
    """

    def __init__(self, source: FewShot, lesson: Lesson) -> None:
        super().__init__(
            source.index,
            source.ways,
            source.shots,
            source.queries,
            balanced=source.balanced,
            sizes=source.sizes,
            classes=source.classes,
        )
        self.source, self.lesson, self.name = source, lesson, f"{source.name}, by a curriculum"
        self._now: tuple[tuple[int, int], FewShot] | None = None

    def at(self, step: int) -> FewShot:
        asked = self.lesson(step)
        if asked[0] > self.ways[1]:
            raise TaskError(f"the curriculum requires {asked[0]} ways in step {step}, but its tasks have {self.ways[1]} at most.")
        if self._now is None or self._now[0] != asked:
            self._now = asked, _Widened(self.source.resized(ways=asked[0], shots=asked[1]), self.ways[1])
        return self._now[1]


class _Widened(FewShot):
    """The tasks of a source with absent classes up to so many columns."""

    def __init__(self, source: FewShot, columns: int) -> None:
        super().__init__(
            source.index,
            source.ways,
            source.shots,
            source.queries,
            balanced=source.balanced,
            sizes=source.sizes,
            classes=source.classes,
        )
        self.columns = columns

    def plan(self, batch: int, generator: torch.Generator | None = None) -> RowPlan:
        plan = super().plan(batch, generator)
        absent = self.columns - plan.classes.shape[1]
        return replace(plan, classes=torch.nn.functional.pad(plan.classes, (0, absent), value=-1))
