"""A learner, or any function from a support set to a predictor, as what acts in the worlds of many tasks at once."""

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor

from quickstudy.execution.batching import Strategy, over_tasks
from quickstudy.functional.tree import to
from quickstudy.learner import Learner, evaluating
from quickstudy.task import Examples

__all__ = ["Acting", "ActingFunction"]


class Acting:
    """A learner that acts: adapted to what each task met, it answers about what it sees; in eval mode, without a graph.

    It adapts once to the support sets of a round, the object that it is given again and again.

    Args:
        learner: as it is now; it is not copied.
        strategy: "loop" for a learner that draws random numbers; otherwise tasks are mapped together where the learner allows it.
    """

    def __init__(self, learner: Learner[Any], strategy: Strategy = "auto") -> None:
        self.learner = learner
        self.way: Literal["vmap", "loop"] = "vmap" if strategy != "loop" and learner.facts.batchable else "loop"
        self._met: Examples | None = None
        self._states: Any = None

    def __call__(self, support: Examples, x: Tensor, *, last: bool = False) -> Tensor:
        learner = self.learner
        device = next((weight.device for weight in learner.parameters()), x.device)

        def adapted(known: Examples) -> Any:
            return learner.adapt(known.replace(learner.encode(known.x)))

        def answer(task: tuple[Any, Tensor]) -> Tensor:
            state, actions = task
            return learner.predict(state, learner.encode(actions))

        with torch.no_grad(), evaluating(learner):
            if support is not self._met:
                self._met, self._states = support, over_tasks(adapted, to(support, device), self.way)
            outputs: Tensor = over_tasks(answer, (self._states, to(x, device)), self.way)
        return outputs.to(x.device)


class ActingFunction:
    """A function from the real rows of a support set to a function of inputs that acts, one task after another.

    It is fitted once to the support sets of a round, the object that it is given again and again.

    Args:
        model: the function. If it has an attribute ``trying``, that function makes the tries, and itself the action that counts.
    """

    def __init__(self, model: Callable[[Examples], Callable[[Any], Any]]) -> None:
        self.model, self.trying = model, getattr(model, "trying", model)
        self._met: tuple[Examples, bool] | None = None
        self._fitted: list[Callable[[Any], Any]] = []

    def __call__(self, support: Examples, x: Tensor, *, last: bool = False) -> Tensor:
        if self._met is None or self._met[0] is not support or self._met[1] != last:
            asked = self.model if last else self.trying
            self._met, self._fitted = (support, last), [asked(support[task].trim()) for task in range(len(x))]
        found = [fitted(x[task]) for task, fitted in enumerate(self._fitted)]
        rows = torch.stack([torch.as_tensor(each, dtype=x.dtype) for each in found])
        return rows[..., None] if rows.ndim == 2 else rows
