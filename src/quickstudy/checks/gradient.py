"""Point 8 of the battery: the outer gradient against central differences, or a surrogate against its stated formula."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from quickstudy.checks.mapping import not_mapped
from quickstudy.checks.record import Broken, Checks, Excused, Held, Outcome, Promise, ask
from quickstudy.checks.scene import Expected, Scene, Training, seeded
from quickstudy.execution.batching import Strategy, encode_tasks, meta_gradient, over_tasks, trimmed
from quickstudy.learner import Learner
from quickstudy.task import Task
from quickstudy.tasks.source import TaskSource, generator_of

__all__ = ["REMEDY", "check_metagradient", "metagradient_is_right"]

REMEDY = (
    "Look for detach(), .data or no_grad() in encode, adapt, predict and objective; pass networks used in adapt through "
    'quickstudy.nn.norm.convert; a gradient that is approximate on purpose is declared: Facts(gradient="surrogate").'
)

_DIRECTIONS = 7
_STEPS = (1e-4, 1e-5, 1e-6, 1e-7)
_CLOSE = 1e-6
"""A deviation below which no smaller step is tried."""

_ALLOWED = 1e-4


def check_metagradient(
    learner: Learner[Any],
    source: TaskSource[Any],
    *,
    expected_gradient: Expected | None = None,
    seed: int = 0,
) -> Checks:
    """Checks the gradient of the mean objective over three tasks, in double precision and training mode.

    An exact gradient g must equal ``(f(θ + εd) − f(θ − εd)) / 2ε = g·d`` along random directions d, by vmap and by loop;
    where random numbers are drawn inside, they are the same on both sides. ReLU and max-pool have kinks, which make single
    directions and larger steps unreliable: of four small steps the best counts, and of seven directions the median.

    Args:
        learner: any learner; a copy of it is used.
        source: of tasks that suit its objective.
        expected_gradient: for a surrogate: its stated formula, a function of a learner (in double precision and training
            mode) and ONE raw task that gives the expected gradient by parameter name.
        seed: of tasks and directions.

    Raises:
        ContractError: a weight receives no finite gradient, or the gradient is not what it is declared to be.

    >>> from quickstudy.learners.optimization.maml import MAML
    >>> from quickstudy.likelihood import Gaussian
    >>> from quickstudy.nn.mlp import MLP
    >>> from quickstudy.tasks.sinusoid import Sinusoid
    >>> learner = MAML(MLP(1, (8,), outputs=1), inner_lr=0.01, inner_steps=2, likelihood=Gaussian())
    >>> check_metagradient(learner, Sinusoid()).held
    (8,)
    """
    scene = Scene(learner, source, Training(), expected_gradient=expected_gradient, seed=seed)
    return ask(type(learner).__name__, [Promise(8, metagradient_is_right, REMEDY)], scene)


def metagradient_is_right(scene: Scene) -> Outcome:
    """Every weight receives a finite gradient: exact by finite differences, or a surrogate's stated formula."""
    kind = scene.learner.facts.gradient
    if kind == "none":
        return Excused('gradient="none"')
    ways: list[Strategy] = ["loop"] if not_mapped(scene.learner) else ["loop", "vmap"]
    if scene.learner.facts.transductive and not bool(scene.lessons.query.mask.all()):
        ways = ["loop"]
    gradients = {way: _received(scene, way) for way in ways}
    if kind == "surrogate" and scene.expected_gradient is None:
        return Held("finite; no formula was given, pass expected_gradient= to compare")
    deviations = {}
    for way, found in gradients.items():
        deviation = _from_formula(scene, found) if kind == "surrogate" else _from_differences(scene, found, way)
        if not deviation <= _ALLOWED:
            against = "the stated formula" if kind == "surrogate" else "finite differences"
            raise Broken(f"by {way} the gradient differs from {against} by {deviation:.2g}, relative to its size")
        deviations[way] = deviation
    return Held(", ".join(f"deviation {deviation:.1g} by {way}" for way, deviation in deviations.items()))


def _received(scene: Scene, way: Strategy) -> dict[str, Tensor]:
    """The gradient of the mean objective by name."""
    learner = scene.fresh(train=True)
    seeded(lambda: meta_gradient(learner, scene.lessons, strategy=way))
    weights = {name: p for name, p in learner.named_parameters() if p.requires_grad}
    without = [name for name, p in weights.items() if p.grad is None]
    if without or not weights:
        raise Broken(
            f"no gradient reaches {', '.join(without) or 'anything'}",
            "Use the weight in the objective, freeze it with requires_grad_(False), or look for detach() and no_grad().",
        )
    found = {name: p.grad for name, p in weights.items() if p.grad is not None}
    bad = [name for name, g in found.items() if not bool(torch.isfinite(g).all())]
    if bad:
        raise Broken(f"the gradient of {', '.join(bad)} is NaN or infinite", "Guard roots, logarithms and divisions at zero.")
    return found


def _from_formula(scene: Scene, found: Mapping[str, Tensor]) -> float:
    """The largest deviation of any weight's gradient from the formula, relative to the largest gradient."""
    assert scene.expected_gradient is not None
    tasks: list[Task] = [scene.lessons[n] for n in range(len(scene.lessons))]
    given = [scene.expected_gradient(scene.fresh(train=True), Task(t.support.trim(), t.query.trim())) for t in tasks]
    if set(given[0]) != set(found):
        raise Broken(f"the formula names {sorted(given[0])}, the learner {sorted(found)}", "Name the same weights.")
    expected = {name: torch.stack([each[name] for each in given]).mean(0).detach() for name in found}
    size = max(float(g.norm()) for g in expected.values())
    return max(float((found[name] - g).norm()) for name, g in expected.items()) / max(size, 1e-12)


def _from_differences(scene: Scene, found: Mapping[str, Tensor], way: Strategy) -> float:
    """The median over directions of the deviation from central differences, relative to a typical slope."""
    learner = scene.fresh(train=True)
    weights = {name: p for name, p in learner.named_parameters() if name in found}
    generator = generator_of(scene.seed, 8)
    typical = math.sqrt(sum(float(g.norm() ** 2) / g.numel() for g in found.values()))
    deviations = []
    for _ in range(_DIRECTIONS):
        draws = {name: torch.randn(p.shape, generator=generator, dtype=p.dtype).to(p.device) for name, p in weights.items()}
        direction = {name: d / d.norm().clamp(min=1e-12) for name, d in draws.items()}
        slope = sum(float((found[name] * d).sum()) for name, d in direction.items())
        best = math.inf
        for step in _STEPS:
            difference = _difference(scene, learner, weights, direction, step, way)
            best = min(best, abs(difference - slope) / max(typical, abs(difference), 1e-8))
            if best <= _CLOSE:
                break
        deviations.append(best)
    return sorted(deviations)[_DIRECTIONS // 2]


def _difference(
    scene: Scene,
    learner: Learner[Any],
    weights: Mapping[str, Tensor],
    direction: Mapping[str, Tensor],
    step: float,
    way: Strategy,
) -> float:
    """``(f(θ + εd) − f(θ − εd)) / 2ε`` of the mean objective f."""
    starts = {name: p.detach().clone() for name, p in weights.items()}
    values = []
    with torch.no_grad():
        for sign in (step, -step, 0.0):
            for name, p in weights.items():
                p.copy_(starts[name] + sign * direction[name])
            if sign:
                values.append(float(seeded(lambda: _objective(learner, scene.lessons, way))))
    return (values[0] - values[1]) / (2 * step)


def _objective(learner: Learner[Any], tasks: Task, way: Strategy) -> Tensor:
    """The mean objective, mapped as for the gradient, so that it draws the same random numbers."""
    fn = learner.objective if way == "vmap" else trimmed(learner.objective)
    values: Tensor = over_tasks(fn, encode_tasks(learner, tasks), "vmap" if way == "vmap" else "loop")
    return values.mean()
