"""What must not run under `torch.func.vmap`: layers that are wrong or unsupported there, found by a scan and by a trial."""

import copy
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from quickstudy.errors import UserError
from quickstudy.learner import Learner
from quickstudy.nn import norm
from quickstudy.nn.exchange import frozen_parts
from quickstudy.wrapper import LearnerWrapper

__all__ = ["Objectives", "double", "inside", "same_randomness", "trial", "unsafe_layer", "unsafe_layers", "warn_once"]

_log = logging.getLogger("quickstudy")
_told: set[str] = set()
_tried: WeakKeyDictionary[nn.Module, dict[bool, str | None]] = WeakKeyDictionary()

Objectives = Callable[[Learner[Any], str, Callable[[], None] | None], Tensor]
"""From a learner, a way of mapping and what sets generators back, the objectives of a few tasks (B,) in double precision."""


def inside(learner: Learner[Any]) -> Iterator[tuple[str, nn.Module]]:
    """Modules that `adapt` may call; the encoder runs outside of the mapping."""
    for path, module in learner.named_modules():
        own = path
        while isinstance(learner, LearnerWrapper) and own.startswith("learner."):
            own = own.removeprefix("learner.")
        if path and not (learner.encodes and (own == "encoder" or own.startswith("encoder."))):
            yield path, module


def unsafe_layer(learner: Learner[Any]) -> str | None:
    """The first layer known to be wrong or unsupported under vmap, with the remedy; None if there is none."""
    return next((f"{path} {reason}" for path, reason in unsafe_layers(learner)), None)


def unsafe_layers(learner: Learner[Any]) -> Iterator[tuple[str, str]]:
    """All such layers: path, class, what is wrong, and the remedy."""
    frozen = frozen_parts(learner)
    for path, module in inside(learner):
        reason = _unsafe(module, module in frozen)
        if reason:
            yield path, f"({type(module).__name__}) {reason}"


def _unsafe(module: nn.Module, frozen: bool) -> str | None:
    if isinstance(module, nn.RNNBase | nn.RNNCellBase):
        return "has no vmap rule. Use a cell written in plain tensor operations."
    if frozen or isinstance(module, norm.LayerNorm):  # what is frozen computes without a graph, so without derivatives
        return None
    if type(module) is not nn.LayerNorm and isinstance(module, nn.LayerNorm):
        return "may have wrong second derivatives under vmap. Use nn.LayerNorm, passed through quickstudy.nn.norm.convert."
    if isinstance(module, nn.modules.batchnorm._BatchNorm | nn.modules.instancenorm._InstanceNorm | nn.LayerNorm):
        return "has wrong second derivatives under vmap. Pass it through quickstudy.nn.norm.convert."
    return None


def trial(learner: Learner[Any], objectives: Objectives) -> str | None:
    """Why ``learner`` is not to be mapped by vmap, or None; a copy is tried once for each mode of each learner.

    A user's network may branch on values (vmap refuses), or call a fused norm by its functional form (vmap gives a wrong
    second derivative without a word): both show when a few tasks are mapped both ways. Random numbers inside, as those of
    dropout, are drawn alike for every task and both ways. Where nothing could be compared, that is the reason.
    """
    known = _tried.setdefault(learner, {})
    if learner.training not in known:
        try:
            known[learner.training] = _try(learner, objectives)
        except UserError as error:  # of these tasks, not of this learner: the real call raises it, too
            return _unknown("its objective", error)
    return known[learner.training]


def _try(learner: Learner[Any], objectives: Objectives) -> str | None:
    try:
        clone = double(learner)
    except Exception as error:
        return _unknown("a copy of it", error)
    with same_randomness(learner) as (rewind, moved):
        try:
            looped = _gradient(clone, objectives, "loop", rewind)
            random = moved()
            again = _gradient(clone, objectives, "loop", rewind)
        except UserError:
            raise
        except Exception as error:
            return _unknown("a copy of it in double precision", error)
        repeated = _apart(looped, again)
        if repeated is None:
            return "the trial could not compare vmap with a loop: no number of its objective or gradient is finite"
        if repeated > 1e-9:
            return "the trial could not compare vmap with a loop: the same tasks and random numbers gave different objectives"
        try:
            mapped = _gradient(clone, objectives, "vmap", rewind)
            if random:  # in earnest every task draws its own numbers, which vmap may refuse
                _gradient(clone, objectives, "vmap", None)
        except Exception as error:
            if "same randomness" in str(error):
                return "the trial could not compare vmap with a loop: vmap cannot draw its random numbers alike for every task"
            return f"vmap refused it ({_first_line(error)})"
    apart = _apart(mapped, looped)
    if apart is not None and apart <= 1e-6:
        return None
    return f"its numbers under vmap are wrong by {apart:.1e} (fused norms have wrong second derivatives there)"


def _unknown(what: str, error: Exception) -> str:
    return f"the trial could not compare vmap with a loop: {what} failed ({type(error).__name__}: {_first_line(error)})"


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:120]


def double(learner: Learner[Any]) -> Learner[Any]:
    """A copy in double precision; on a CPU where the device has none (Apple's GPUs)."""
    clone = copy.deepcopy(learner)
    on_mps = any(p.device.type == "mps" for p in clone.parameters())
    return (clone.cpu() if on_mps else clone).double()


def _gradient(learner: Learner[Any], objectives: Objectives, way: str, rewind: Callable[[], None] | None) -> Tensor:
    """Objectives and, in training mode, their gradient by every weight, as one vector."""
    values = objectives(learner, way, rewind)
    if not (learner.training and torch.is_grad_enabled() and values.requires_grad):
        return values.detach()
    weights = [w for w in learner.parameters() if w.requires_grad]
    grads = torch.autograd.grad(values.sum(), weights, allow_unused=True, materialize_grads=True)
    return torch.cat([values.detach(), *[g.flatten() for g in grads]])


def _apart(a: Tensor, b: Tensor) -> float | None:
    """How far ``a`` is from ``b`` where that is finite; infinite where ``a`` is finite elsewhere, None where ``b`` is nowhere."""
    finite = torch.isfinite(b)
    if not bool(finite.any()):
        return None
    if not torch.equal(torch.isfinite(a), finite):
        return float("inf")
    return float((a[finite] - b[finite]).norm() / b[finite].norm().clamp(min=1e-12))


@contextmanager
def same_randomness(learner: nn.Module) -> Iterator[tuple[Callable[[], None], Callable[[], bool]]]:
    """Two functions: one restores the present state of the global generators, as the end does; one reports changes."""
    devices = sorted({p.device.index or 0 for p in learner.parameters() if p.device.type == "cuda"})
    with torch.random.fork_rng(devices=devices):

        def states() -> list[Tensor]:
            return [torch.get_rng_state(), *(torch.cuda.get_rng_state(device) for device in devices)]

        start = states()

        def rewind() -> None:
            torch.set_rng_state(start[0])
            for device, state in zip(devices, start[1:], strict=True):
                torch.cuda.set_rng_state(state, device)

        yield rewind, lambda: not all(map(torch.equal, states(), start))


def warn_once(message: str) -> None:
    """Logs ``message`` under the name ``quickstudy``, the first time only."""
    if message not in _told:
        _told.add(message)
        _log.warning(message)
