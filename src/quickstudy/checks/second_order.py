"""Which layers inside the inner loop have no second derivative, a wrong one, or one that is wrong under vmap."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from quickstudy.checks.finding import Finding, Observation, Severity, skipped
from quickstudy.checks.mapping import vmap_equals_loop
from quickstudy.checks.record import Broken
from quickstudy.checks.scene import Scene, seeded
from quickstudy.execution.batching import encode_tasks
from quickstudy.execution.vmap_safety import inside, unsafe_layers
from quickstudy.functional.tree import leaves, map_leaves
from quickstudy.functional.unroll import mapped
from quickstudy.learner import Learner
from quickstudy.tasks.source import TaskSource, generator_of

__all__ = ["unsafe_second_order"]

_STEPS = (1e-4, 1e-5, 1e-6)
_DIRECTIONS = 3
_ALLOWED = 1e-3


@dataclass(frozen=True)
class _Call:
    """A module that `adapt` differentiates through, with the inputs and the weights of its first call."""

    module: nn.Module
    given: tuple[Any, ...]
    weights: dict[str, Tensor]

    def numbers(self) -> list[Tensor]:
        """Inputs and weights that can be differentiated by, inputs first."""
        inputs = [leaf for leaf in leaves(self.given) if isinstance(leaf, Tensor) and leaf.is_floating_point()]
        return [*inputs, *self.weights.values()]

    def __call__(self, numbers: list[Tensor]) -> Any:
        """The module at other `numbers`."""
        rest = iter(numbers)
        given = map_leaves(lambda z: next(rest) if isinstance(z, Tensor) and z.is_floating_point() else z, self.given)
        return torch.func.functional_call(self.module, dict(zip(self.weights, rest, strict=True)), given)


def unsafe_second_order(learner: Learner[Any], source: TaskSource[Any], *, seed: int = 0) -> Observation:
    """Follows one adaptation and tries every layer that the inner gradient passes through.

    Of a layer f with inputs x and weights w, ``v = uᵀ ∂f/∂(x, w) · d`` is differentiated again, and compared with central
    differences of v along random directions. What fails without a failing part of its own is named. A layer that PyTorch
    gives no second derivative stops a second-order learner; a wrong one misleads it. Layers that are wrong under
    `torch.func.vmap` alone are known by name (`quickstudy.execution.vmap_safety`): their tasks run one after another.

    Args:
        learner: any learner; a copy of it is used, in double precision and training mode.
        source: tasks that suit it.
        seed: of the task and of directions.
    """
    scene = Scene(learner, source, seed=seed)
    calls = _followed(scene)
    if not calls:
        return skipped("adapt takes no gradients")
    wrong = {path: reason for path, call in calls.items() if (reason := _tried(call, seed))}
    deepest = {p: r for p, r in wrong.items() if not any(other.startswith(f"{p}.") for other in wrong)}
    exact = learner.facts.gradient == "exact"
    findings = [
        Finding(
            f"{path} ({type(calls[path].module).__name__}) {reason}.",
            Severity.SEVERE if exact else Severity.NOTE,
            _REPLACE if exact else "Nothing, as long as inner gradients are treated as constants.",
        )
        for path, reason in deepest.items()
    ]
    findings += [
        Finding(
            f"{path} {reason.split('. ')[0]}.",
            Severity.WARNING,
            f"{reason.partition('. ')[2]} Until then tasks run one after another, which is right but slower.",
        )
        for path, reason in unsafe_layers(learner)
        if path in calls
    ]
    if not findings and exact:
        findings += _under_vmap(scene)
    return Observation(f"{len(calls)} layers inside the inner loop tried", tuple(findings))


_REPLACE = (
    "Put another layer in its place (quickstudy.nn.norm.convert replaces norms), or treat inner gradients as constants "
    "(first_order=True)."
)


_PLAIN = (
    "Use layers in place of functions (nn.LayerNorm), plain tensor operations, no branches on values. Until then tasks run one "
    "after another."
)


def _under_vmap(scene: Scene) -> list[Finding]:
    """What no scan of modules sees: a fused norm in its functional form, a branch on values."""
    try:
        vmap_equals_loop(scene)
    except (Broken, RuntimeError) as reason:
        words = str(reason).splitlines()[0][:160]
        return [Finding(f"Tasks cannot be vectorised: {words}.", Severity.WARNING, _PLAIN)]
    return []


def _followed(scene: Scene) -> dict[str, _Call]:
    """The modules inside `adapt` that an inner gradient passes through."""
    learner = scene.fresh(train=True)
    calls: dict[str, _Call] = {}
    passed: set[str] = set()

    def watch(path: str) -> Callable[[nn.Module, tuple[Any, ...], Any], None]:
        def hook(module: nn.Module, given: tuple[Any, ...], result: Any) -> None:
            for leaf in leaves(result):
                if isinstance(leaf, Tensor) and leaf.requires_grad:
                    leaf.register_hook(lambda gradient: passed.add(path))  # type: ignore[no-untyped-call]
            if path not in calls:
                weights = {name: p.detach().clone() for name, p in module.named_parameters()}
                calls[path] = _Call(module, map_leaves(_detached, given), weights)

        return hook

    hooks = [module.register_forward_hook(watch(path)) for path, module in inside(learner)]
    support = encode_tasks(learner, scene.lessons)[0].support.trim()
    with mapped(False):
        seeded(lambda: learner.adapt(map_leaves(_detached, support)))
    for hook in hooks:
        hook.remove()
    return {path: call for path, call in calls.items() if path in passed}


def _detached(leaf: Any) -> Any:
    return leaf.detach().clone() if isinstance(leaf, Tensor) else leaf


def _tried(call: _Call, seed: int) -> str | None:
    """What is wrong with the second derivative of a module at a point near its call, or None."""
    generator = generator_of(seed, 9)
    try:
        point = [_away_from_kinks(leaf, generator) for leaf in call.numbers()]
        slope = _first(call, point, seed)
    except (RuntimeError, ValueError, TypeError):  # it needs more around it than its inputs, or ran under a vmap of its own
        return None
    if slope is None:
        return None
    deviations = []
    for _ in range(_DIRECTIONS):
        along, across = ([torch.randn(z.shape, generator=generator, dtype=z.dtype) for z in point] for _ in range(2))
        size = sum(float(d.pow(2).sum()) for d in along) ** 0.5
        along = [d / size for d in along]
        try:
            found, typical = _second(call, point, along, across, seed)
        except RuntimeError as error:
            return f"has no second derivative ({str(error).splitlines()[0][:100]})"
        differences = [_difference(call, point, along, across, step, seed) for step in _STEPS]
        deviations.append(min(abs(d - found) / max(typical, abs(d), 1e-8) for d in differences))
    deviation = sorted(deviations)[_DIRECTIONS // 2]
    return f"has a second derivative that is wrong by {deviation:.1g} of its size" if deviation > _ALLOWED else None


def _away_from_kinks(leaf: Tensor, generator: torch.Generator) -> Tensor:
    """A point nearby where no two numbers are equal: blank images lie on the kinks of max-pools and ReLUs."""
    spread = 0.1 * float(leaf.std(unbiased=False)) + 0.01
    return leaf + spread * torch.randn(leaf.shape, generator=generator, dtype=leaf.dtype).to(leaf.device)


def _first(call: _Call, point: list[Tensor], seed: int, *, graph: bool = False) -> tuple[list[Tensor], list[Tensor]] | None:
    """The gradient of ``uᵀ f`` at ``point``, u random, and the leaves it was taken by."""
    given = [z.detach().requires_grad_() for z in point]
    outputs = [z for z in leaves(seeded(lambda: call(given), seed)) if isinstance(z, Tensor) and z.is_floating_point()]
    generator = generator_of(seed, 10)
    drawn = [torch.randn(z.shape, generator=generator, dtype=z.dtype).to(z.device).requires_grad_(graph) for z in outputs]
    value = sum((z * u).sum() for z, u in zip(outputs, drawn, strict=True))
    if not isinstance(value, Tensor) or not value.requires_grad:
        return None
    found = torch.autograd.grad(value, given, create_graph=graph, allow_unused=True, materialize_grads=True)
    return list(found), given


def _along(slopes: list[Tensor], direction: list[Tensor]) -> Tensor:
    return torch.stack([(g * d.to(g.device)).sum() for g, d in zip(slopes, direction, strict=True)]).sum()


def _second(call: _Call, point: list[Tensor], along: list[Tensor], across: list[Tensor], seed: int) -> tuple[float, float]:
    """The second derivative along two directions, and how large one usually is."""
    first = _first(call, point, seed, graph=True)
    assert first is not None
    slopes, given = first
    value = _along(slopes, across)
    if not value.requires_grad:
        return 0.0, 0.0
    torch.autograd.backward(value)  # through all of the graph: a function that may be differentiated once refuses
    second = [torch.zeros_like(z) if z.grad is None else z.grad for z in given]
    size = sum(float(g.pow(2).sum()) for g in second) / max(1, sum(g.numel() for g in second))
    return float(_along(second, along)), size**0.5


def _difference(call: _Call, point: list[Tensor], along: list[Tensor], across: list[Tensor], step: float, seed: int) -> float:
    """The same by central differences of the gradient."""
    values = []
    for sign in (step, -step):
        first = _first(call, [z + sign * d.to(z.device) for z, d in zip(point, along, strict=True)], seed)
        assert first is not None
        values.append(float(_along(first[0], across)))
    return (values[0] - values[1]) / (2 * step)
