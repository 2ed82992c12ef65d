"""The bases of learners that wrap another one and change what it sees or how it is meta-trained."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from quickstudy.errors import LearnerError
from quickstudy.functional.tree import map_leaves
from quickstudy.learner import Learner, Samples
from quickstudy.nn.frozen import Frozen
from quickstudy.task import Examples, Inputs, Task

__all__ = ["Changed", "LearnerOnBackbone", "LearnerWrapper"]


@dataclass(frozen=True)
class Changed:
    """Tasks of which a function changes each side: what the learner inside of a wrapper sees.

    Args:
        source: of the tasks.
        change: of a support or query set; of all tasks of a batch at once.
    """

    source: Samples
    change: Callable[[Examples], Examples]

    def sample(self, batch: int, generator: torch.Generator | None = None) -> Task:
        """The changed tasks."""
        tasks = self.source.sample(batch, generator)
        return Task(self.change(tasks.support), self.change(tasks.query))


class LearnerWrapper(Learner[Any]):
    """A base for learners that wrap another one and change how it is meta-trained; all else is the other's.

    Args:
        learner: the one inside.
    """

    def __init__(self, learner: Learner[Any]) -> None:
        super().__init__()
        self.learner = learner
        self.facts, self.likelihood, self.reads, self.expects = learner.facts, learner.likelihood, learner.reads, learner.expects
        self.calibration = learner.calibration

    def encode(self, x: Inputs) -> Inputs:
        return self.learner.encode(x)

    def features(self, x: Inputs) -> Inputs:
        """Encoded inputs as the wrapped learner takes them."""
        return x

    def adapt(self, support: Examples) -> Any:
        return self.learner.adapt(support.replace(self.features(support.x)))

    def predict(self, state: Any, x: Inputs) -> Tensor:
        return self.learner.predict(state, self.features(x))

    def objective(self, task: Task) -> Tensor:
        sides = [side.replace(self.features(side.x)) for side in (task.support, task.query)]
        return self.learner.objective(Task(*sides))

    def advance(self) -> None:
        self.learner.advance()

    def prepare(self, source: Samples, generator: torch.Generator) -> None:
        self.learner.prepare(source, generator)

    def step_sizes(self) -> dict[str, Tensor]:
        return self.learner.step_sizes()

    @property
    def advances(self) -> bool:
        return self.learner.advances

    @property
    def encodes(self) -> bool:
        return self.learner.encodes

    def __getattr__(self, name: str) -> Any:
        """``update`` is offered where the learner inside offers it."""
        inside = self.__dict__.get("_modules", {}).get("learner")
        if name == "update" and hasattr(inside, "update"):
            return self._update
        return super().__getattr__(name)

    def _update(self, state: Any, more: Examples) -> Any:
        return self.learner.update(state, more.replace(self.features(more.x)))  # type: ignore[operator]


class LearnerOnBackbone(LearnerWrapper):
    """A base for learners on the numbers of a frozen backbone: ``encode(x) = learner.encode(vectors(x))``.

    Rows may be such vectors, computed before, or what the backbone reads; a subclass tells them apart in `vectors`.

    Args:
        backbone: frozen, with the length of its vectors in ``features``.
        learner: on those vectors.

    Raises:
        LearnerError: the backbone does not say how many features it gives.
    """

    def __init__(self, backbone: Frozen, learner: Learner[Any]) -> None:
        super().__init__(learner)
        if not isinstance(backbone.features, int):
            raise LearnerError(
                f"{type(backbone.encoder).__name__} does not say how many features it gives, so that cached features cannot be "
                "told from its inputs. Set its attribute features, or give the learner the backbone for its encoder."
            )
        self.backbone = backbone
        self.reads = backbone.reads if backbone.reads is not None else learner.reads

    @abstractmethod
    def vectors(self, x: Inputs) -> Tensor:
        """The backbone's vectors (R, features) of rows."""

    def encode(self, x: Inputs) -> Inputs:
        return self.learner.encode(self.vectors(x))

    def prepare(self, source: Samples, generator: torch.Generator) -> None:
        super().prepare(Changed(source, self._on_vectors), generator)

    def _on_vectors(self, examples: Examples) -> Examples:
        """A batch of tasks' examples with vectors for inputs."""
        flat = map_leaves(lambda leaf: leaf.flatten(0, 1), examples.x)
        return examples.replace(self.vectors(flat).view(*examples.mask.shape, -1))

    @property
    def title(self) -> str:
        return self.learner.title

    @property
    def encodes(self) -> bool:
        return True
