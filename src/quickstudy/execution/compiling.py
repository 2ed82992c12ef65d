"""The meta-gradient as one compiled program: traced once into tensor operations, then turned into machine code.

Tracing runs the learner's own code, inner loop included, on the tasks of one step and writes down what it does to tensors;
`torch.compile` fuses that. Small networks, whose steps are many tiny operations, gain most.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.fx.experimental.proxy_tensor import make_fx

from quickstudy.errors import LearnerError, UserError
from quickstudy.execution.vmap_safety import warn_once
from quickstudy.functional.tree import leaves, map_leaves
from quickstudy.learner import Learner
from quickstudy.task import Task

__all__ = ["Losses", "Program", "program"]

Losses = Callable[[Callable[[Task], Tensor], Task], Tensor]
"""Maps an objective of one task over a batch of tasks, (B,)."""

_MOST = 8
"""Programs of one learner; tasks of more shapes than that are computed as written."""

_CLOSE = 1e-3
"""How far a program's gradient may be from the one computed as written, relative: several float32 roundings."""

_programs: WeakKeyDictionary[nn.Module, dict[Any, "Program | None"]] = WeakKeyDictionary()


@dataclass(frozen=True)
class Program:
    """Objectives (B,) of a batch of tasks and the gradient of their sum: by weights, and by inputs that require one."""

    weights: tuple[nn.Parameter, ...]
    compiled: Callable[..., tuple[Tensor, list[Tensor | None]]]

    def __call__(self, tasks: Task, factor: float) -> Tensor:
        """The objectives; adds ``factor`` times their gradient to the weights' ``.grad``, and passes it on behind the inputs."""
        inputs = [leaf for leaf in leaves(tasks) if leaf.requires_grad]
        with torch.no_grad():
            losses, grads = self.compiled([w.detach() for w in self.weights], map_leaves(Tensor.detach, tasks))
            for weight, grad in zip(self.weights, grads, strict=False):
                if grad is not None:
                    weight.grad = grad * factor if weight.grad is None else weight.grad.add_(grad, alpha=factor)
        behind = [(z, g * factor) for z, g in zip(inputs, grads[len(self.weights) :], strict=True) if g is not None]
        if behind:
            torch.autograd.backward([z for z, _ in behind], [g for _, g in behind])
        return losses


def program(learner: Learner[Any], objective: Callable[[Task], Tensor], tasks: Task, losses: Losses) -> Program | None:
    """The program for tasks of these shapes, made at the first call; None, with a message in the log, if it cannot be compiled.

    A new program is proven on the tasks given: its gradient must equal the one computed as written. What is no tensor
    (a step size, a number of steps) is a constant of the program.

    Args:
        learner: whose objective it is.
        objective: of one encoded task.
        tasks: a batch of them.
        losses: how the objective is mapped over the batch.

    Raises:
        LearnerError: no C++ compiler.
    """
    known = _programs.setdefault(learner, {})
    key = (learner.training, *((leaf.shape, leaf.dtype, leaf.device, leaf.requires_grad) for leaf in leaves(tasks)))
    if key not in known:
        if len(known) >= _MOST:
            warn_once(f"{type(learner).__name__}: tasks of more than {_MOST} shapes; the others are not compiled.")
            return None
        known[key] = _made(learner, objective, tasks, losses)
    return known[key]


def _made(learner: Learner[Any], objective: Callable[[Task], Tensor], tasks: Task, losses: Losses) -> Program | None:
    name = type(learner).__name__
    if learner.advances:
        warn_once(f"{name} changes from step to step, which a compiled program cannot: its steps run as written.")
        return None
    trained = {name: weight for name, weight in learner.named_parameters() if weight.requires_grad}
    wanted = [leaf.requires_grad for leaf in leaves(tasks)]

    def whole(weights: list[Tensor], tasks: Task) -> tuple[Tensor, list[Tensor | None]]:
        fresh = [w.detach().requires_grad_() for w in weights]
        moved = iter(wanted)
        tasks = map_leaves(lambda leaf: leaf.detach().requires_grad_() if next(moved) else leaf, tasks)
        inputs = [leaf for leaf in leaves(tasks) if leaf.requires_grad]
        places = {f"learner.{name}": weight for name, weight in zip(trained, fresh, strict=True)}
        found = losses(lambda task: torch.func.functional_call(stand_in, places, (task,)), tasks)
        grads = torch.autograd.grad(found.sum(), [*fresh, *inputs], allow_unused=True)
        return found.detach(), list(grads)

    stand_in = _Objective(learner, objective)
    weights, given = [w.detach() for w in trained.values()], map_leaves(Tensor.detach, tasks)
    try:
        with torch.enable_grad():
            expected = whole(weights, given)
            traced = make_fx(whole)(weights, given)
        made = torch.compile(traced)
        with torch.no_grad():
            found = made(weights, given)
    except UserError:
        raise
    except Exception as error:
        if "compiler" in type(error).__name__.lower():
            raise LearnerError(
                f"compiling needs a C++ compiler ({error}). Install g++ or clang, or leave compile out."
            ) from error
        warn_once(f"{name} cannot be compiled ({str(error).splitlines()[0][:120]}): its steps run as written.")
        return None
    apart = _apart(found, expected)
    if not apart <= _CLOSE:
        warn_once(f"{name}: a compiled step differs from the step as written by {apart:.1e}: its steps run as written.")
        return None
    return Program(tuple(trained.values()), made)


class _Objective(nn.Module):
    """Something whose weights `torch.func.functional_call` can put in place while the objective runs."""

    def __init__(self, learner: Learner[Any], objective: Callable[[Task], Tensor]) -> None:
        super().__init__()
        self.learner, self.objective = learner, objective

    def forward(self, task: Task) -> Tensor:
        return self.objective(task)


def _apart(found: tuple[Tensor, list[Tensor | None]], expected: tuple[Tensor, list[Tensor | None]]) -> float:
    def flat(result: tuple[Tensor, list[Tensor | None]]) -> Tensor:
        losses, grads = result
        return torch.cat([losses.flatten(), *[g.flatten() for g in grads if g is not None]]).double()

    a, b = flat(found), flat(expected)
    return float((a - b).norm() / b.norm().clamp(min=1e-12)) if bool(torch.isfinite(b).all()) else 0.0
