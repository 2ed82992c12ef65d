"""What must not run under `torch.func.vmap`: layers that are wrong or unsupported there, found by a scan and by a trial."""

import copy
import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from quickstudy.errors import UserError
from quickstudy.learner import Learner, LearnerWrapper
from quickstudy.nn import norm

__all__ = ["Objectives", "inside", "trial", "unsafe_layer", "unsafe_layers", "warn_once"]

_log = logging.getLogger("quickstudy")
_told: set[str] = set()
_tried: WeakKeyDictionary[nn.Module, dict[bool, str | None]] = WeakKeyDictionary()

Objectives = Callable[[Learner[Any], str], Tensor]
"""From a learner and a way of mapping, the objectives of a few tasks (B,) in double precision."""


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
    """All such layers: where each stands, and its class with what is wrong and the remedy."""
    for path, module in inside(learner):
        reason = _unsafe(module)
        if reason:
            yield path, f"({type(module).__name__}) {reason}"


def _unsafe(module: nn.Module) -> str | None:
    if isinstance(module, norm.LayerNorm):
        return None
    if isinstance(module, nn.modules.batchnorm._BatchNorm | nn.modules.instancenorm._InstanceNorm | nn.LayerNorm):
        return "has wrong second derivatives under vmap. Pass it through quickstudy.nn.norm.convert."
    if isinstance(module, nn.RNNBase | nn.RNNCellBase):
        return "has no vmap rule. Use a cell written in plain tensor operations."
    return None


def trial(learner: Learner[Any], objectives: Objectives) -> str | None:
    """Why a copy of ``learner`` cannot be mapped by vmap, or None; tried once for each mode of each learner.

    A user's network may branch on values (vmap refuses), or call a fused norm by its functional form (vmap gives a wrong
    second derivative without a word): both show when a few tasks are mapped both ways.
    """
    known = _tried.setdefault(learner, {})
    if learner.training not in known:
        with _quiet_randomness(learner):
            known[learner.training] = _try(learner, objectives)
    return known[learner.training]


def _try(learner: Learner[Any], objectives: Objectives) -> str | None:
    try:
        clone = copy.deepcopy(learner)
        on_mps = any(p.device.type == "mps" for p in clone.parameters())  # Apple's GPUs have no double precision
        clone = (clone.cpu() if on_mps else clone).double()
    except RuntimeError:  # a module that holds tensors made by a forward pass cannot be copied
        return None
    try:
        looped, again = (_gradient(clone, objectives, "loop") for _ in range(2))
    except (UserError, RuntimeError):  # it fails either way, and the real call says why
        return None
    try:
        mapped = _gradient(clone, objectives, "vmap")
    except RuntimeError as error:
        return f"vmap refused it ({str(error).splitlines()[0][:120]})"
    if _apart(looped, again) > 1e-9:  # random inside: numbers cannot be compared
        return None
    apart = _apart(mapped, looped)
    if apart <= 1e-6:
        return None
    return f"its numbers under vmap are wrong by {apart:.1e} (fused norms have wrong second derivatives there)"


def _gradient(learner: Learner[Any], objectives: Objectives, way: str) -> Tensor:
    """Objectives and, in training mode, their gradient by every weight, as one vector."""
    values = objectives(learner, way)
    if not (learner.training and torch.is_grad_enabled() and values.requires_grad):
        return values.detach()
    weights = [w for w in learner.parameters() if w.requires_grad]
    grads = torch.autograd.grad(values.sum(), weights, allow_unused=True, materialize_grads=True)
    return torch.cat([values.detach(), *[g.flatten() for g in grads]])


def _apart(a: Tensor, b: Tensor) -> float:
    return float((a - b).norm() / b.norm().clamp(min=1e-12)) if bool(torch.isfinite(b).all()) else 0.0


def _quiet_randomness(learner: nn.Module) -> AbstractContextManager[None]:
    devices = sorted({p.device.index or 0 for p in learner.parameters() if p.device.type == "cuda"})
    return torch.random.fork_rng(devices=devices)


def warn_once(message: str) -> None:
    """Logs ``message`` under the name ``quickstudy``, the first time only."""
    if message not in _told:
        _told.add(message)
        _log.warning(message)
