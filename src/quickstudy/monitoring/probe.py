"""A probe during meta-training: adaptation on meta-training and meta-validation tasks, step sizes."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from quickstudy.errors import TaskError, UserError
from quickstudy.learner import Learner
from quickstudy.monitoring.curve import AdaptationCurve, adaptation_curve, alike
from quickstudy.tasks.source import Plan, TaskSource, generator_of

__all__ = ["Monitor", "Probe"]

_BATCH = 30


@dataclass(frozen=True)
class Probe:
    """The measurements after ``step`` outer steps.

    Args:
        step: outer steps done.
        metric: of the scores.
        higher_is_better: of the metric.
        train, val: curves on meta-training and meta-validation tasks, where there are some.
        comparable: whether the two kinds of task have the same sizes, so that a gap between them means something.
        step_sizes: (smallest, mean, largest) of the learned inner step sizes, by name.
        seconds: that the probe took.
        trouble: why there are no curves.
    """

    step: int
    metric: str
    higher_is_better: bool
    train: AdaptationCurve | None = None
    val: AdaptationCurve | None = None
    comparable: bool = False
    step_sizes: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)
    seconds: float = 0.0
    trouble: str = ""

    @property
    def levels(self) -> dict[str, AdaptationCurve]:
        """The curves by name of their level."""
        found = {"meta-train": self.train, "meta-validation": self.val}
        return {name: curve for name, curve in found.items() if curve is not None}

    @property
    def gap(self) -> float | None:
        """How much better the score after adaptation is on meta-training tasks than on meta-validation tasks."""
        if self.train is None or self.val is None or not self.comparable:
            return None
        return (1 if self.higher_is_better else -1) * (self.train.adapted - self.val.adapted)

    @property
    def gap_half(self) -> float | None:
        """Half the gap's 95 % interval over tasks, those of the two levels drawn apart from each other."""
        if self.gap is None or self.train is None or self.val is None:
            return None
        return math.hypot(self.train.halves[-1], self.val.halves[-1])

    def to_json(self) -> dict[str, Any]:
        """A line of a run's log."""
        return {
            "step": self.step,
            "adaptation": {name: curve.to_json() for name, curve in self.levels.items()},
            "metric": self.metric,
            "higher_is_better": self.higher_is_better,
            "comparable": self.comparable,
            "step_sizes": {name: list(sizes) for name, sizes in self.step_sizes.items()},
            "probe_seconds": self.seconds,
        } | ({"trouble": self.trouble} if self.trouble else {})

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "Probe":
        """The inverse of `to_json`.

        Raises:
            KeyError, TypeError, ValueError: something else.
        """
        curves = {name: AdaptationCurve.from_json(curve) for name, curve in found["adaptation"].items()}
        sizes = {name: (float(low), float(mean), float(high)) for name, (low, mean, high) in found["step_sizes"].items()}
        return cls(
            step=int(found["step"]),
            metric=str(found["metric"]),
            higher_is_better=bool(found["higher_is_better"]),
            train=curves.get("meta-train"),
            val=curves.get("meta-validation"),
            comparable=bool(found["comparable"]),
            step_sizes=sizes,
            seconds=float(found["probe_seconds"]),
            trouble=str(found.get("trouble", "")),
        )


class Monitor:
    """Probes a learner on fixed lists of meta-training and meta-validation tasks, without affecting the training.

    Meta-training tasks are taken at the sizes of validation tasks where that is possible, so that the two can be compared.

    Args:
        learner: that is being trained.
        train: its meta-training tasks.
        val: its meta-validation tasks.
        tasks: how many of each.
        listed: draw so many validation tasks and keep the first: the beginning of a validation's list of this length.
        seed: of the lists.

    >>> from quickstudy.learners.optimization.meta_sgd import MetaSGD
    >>> from quickstudy.likelihood import Gaussian
    >>> from quickstudy.nn.mlp import MLP
    >>> from quickstudy.tasks.sinusoid import Sinusoid
    >>> learner = MetaSGD(MLP(1, outputs=1), inner_lr=0.01, likelihood=Gaussian())
    >>> probe = Monitor(learner, Sinusoid(), Sinusoid(), tasks=4).probe(0)
    >>> probe.train.steps, probe.val.steps, len(probe.step_sizes)
    ((0, 1), (0, 1), 6)
    """

    def __init__(
        self,
        learner: Learner[Any],
        train: TaskSource[Any],
        val: TaskSource[Any] | None,
        *,
        tasks: int = 30,
        listed: int | None = None,
        seed: int = 0,
    ) -> None:
        self.learner = learner
        self.seed = seed
        seen, self.comparable = _seen(train, val)
        self.lists: dict[str, tuple[TaskSource[Any], Plan]] = {"train": (seen, seen.plan(tasks, generator_of(seed, 1)))}
        if val is not None:
            self.lists["val"] = val, val.plan(max(tasks, listed or 0), generator_of(seed))[:tasks]

    def probe(self, step: int) -> Probe:
        """A probe after ``step`` outer steps; an error in the probe does not stop the run, the probe records it."""
        began = time.perf_counter()
        curves: dict[str, AdaptationCurve] = {}
        trouble = ""
        try:
            for level, (source, plan) in self.lists.items():
                curves[level] = adaptation_curve(self.learner, source, plan=plan, seed=self.seed, batch=_BATCH)
        except (UserError, RuntimeError) as error:
            trouble = str(error).partition("\n")[0]
        likelihood = self.learner.likelihood
        return Probe(
            step,
            likelihood.metric,
            likelihood.higher_is_better,
            curves.get("train"),
            curves.get("val"),
            comparable=self.comparable,
            step_sizes=_sizes(self.learner),
            seconds=time.perf_counter() - began,
            trouble=trouble,
        )


def _seen(train: TaskSource[Any], val: TaskSource[Any] | None) -> tuple[TaskSource[Any], bool]:
    """Meta-training tasks, and whether they can be compared with validation tasks."""
    try:
        found = None if val is None else alike(train, val)
    except TaskError:
        found = None
    return (train, False) if found is None else (found, True)


def _sizes(learner: Learner[Any]) -> dict[str, tuple[float, float, float]]:
    found = {}
    for name, sizes in learner.step_sizes().items():
        numbers = [float(f"{value:.6g}") for value in (sizes.min(), sizes.double().mean(), sizes.max())]
        if all(map(math.isfinite, numbers)):
            found[name] = (numbers[0], numbers[1], numbers[2])
    return found
