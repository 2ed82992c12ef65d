"""Puts one kind of norm in the place of another in a copy of a network; names, ties, hooks and activations stay."""

import copy
from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm
from torch.nn.parameter import is_lazy

from quickstudy.errors import LearnerError
from quickstudy.nn.exact_norm import ExactBatchNorm2d
from quickstudy.nn.frozen import Frozen

__all__ = ["apart", "as_given", "exchanged", "exchanged_layers", "frozen_parts"]

_STOCK = (
    *(nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm, ExactBatchNorm2d),
    *(nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d),
)
_HOOKS = (
    *("_forward_hooks", "_forward_hooks_with_kwargs", "_forward_hooks_always_called"),
    *("_forward_pre_hooks", "_forward_pre_hooks_with_kwargs", "_backward_hooks", "_backward_pre_hooks"),
)
_SIZES = ((), (5,), (4, 3), (3, 2, 2))
_ALIKE = 1e-6


def exchanged(
    network: nn.Module, make: Callable[[nn.Module], nn.Module | None], *, agreeing_in: Literal["train", "eval"] | None
) -> nn.Module:
    """A copy of ``network`` with ``make(layer)`` for each layer that it makes something of; `Frozen` parts stay as they are.

    A norm of a class derived from PyTorch's may compute more than it, an activation for example: what is called ``drop`` and
    ``act`` there (as in timm's BatchNormAct2d) is kept, and the layer is compared with what stands for it.

    Args:
        network: any; it stays as it is.
        make: the layer that stands for another, or None.
        agreeing_in: the mode in which both compute the same; None where they never do.

    Raises:
        LearnerError: a norm of a derived class computes something else than what stands for it, or weights have no size yet.
    """
    for path, weight in network.named_parameters():
        if is_lazy(weight):
            raise LearnerError(f"{path} has no size yet. Run the network once on an input, then pass it on.")
    root = nn.ModuleDict({"root": copy.deepcopy(network)})
    frozen = frozen_parts(root)
    made: dict[nn.Module, nn.Module | None] = {}
    for path, module in list(root.named_modules(remove_duplicate=False)):  # a layer used in two places stays one layer
        if module in frozen:
            continue
        if module not in made:
            made[module] = _stand_in(path.removeprefix("root").removeprefix("."), module, make(module), agreeing_in)
        new = made[module]
        if new is not None:
            parent, _, name = path.rpartition(".")
            root.get_submodule(parent)._modules[name] = new
    if agreeing_in == "train" and any(new is not None for new in made.values()):
        root["root"].__dict__["converted"] = True
    return root["root"]


def _stand_in(
    path: str, module: nn.Module, new: nn.Module | None, agreeing_in: Literal["train", "eval"] | None
) -> nn.Module | None:
    if new is None:
        return None
    for hooks in _HOOKS:
        getattr(new, hooks).update(getattr(module, hooks))
    if isinstance(module, _BatchNorm | _InstanceNorm) and type(module) not in _STOCK:
        parts = dict(module.named_children())
        if parts.keys() <= {"drop", "act"}:
            for name, part in parts.items():
                new.add_module(name, part)
            if parts:
                new.register_forward_hook(_activate, prepend=True)
        _compare(path, module, new, agreeing_in, [name for name in parts if name not in ("drop", "act")])
    if agreeing_in == "train":
        new.__dict__["given"] = (module,)  # in a tuple it is no part of the network; `as_given` puts it back
    return new.train(module.training)


def _activate(layer: nn.Module, inputs: Any, outputs: Tensor) -> Tensor:
    """What follows a norm of a class that also drops and activates."""
    for name in ("drop", "act"):
        part = layer._modules.get(name)
        outputs = outputs if part is None else part(outputs)
    return outputs


def _compare(
    path: str, module: nn.Module, new: nn.Module, agreeing_in: Literal["train", "eval"] | None, strange: list[str]
) -> None:
    if strange:
        found = f"holds parts of its own ({', '.join(strange)})"
    elif agreeing_in is None:
        return
    else:
        distance = _distance(module, new, agreeing_in)
        if distance is not None and distance <= _ALIKE:
            return
        found = "could not be compared with it" if distance is None else f"its outputs are {distance:.1e} apart"
    stock = next(cls for cls in type(module).__mro__ if cls in _STOCK or cls.__module__.startswith("torch.nn"))
    raise LearnerError(
        f"{path or 'the network'} ({type(module).__name__}) is a {stock.__name__} that computes something else: {found}. Write "
        f"it as nn.{stock.__name__} followed by what it adds, nn.Sequential(nn.{stock.__name__}(...), nn.ReLU()) for example, or "
        "keep that part of the network as it is, by quickstudy.nn.Frozen."
    )


def _distance(module: nn.Module, new: nn.Module, mode: Literal["train", "eval"]) -> float | None:
    """How far both are apart on random numbers, with weights moved from where they start; None where neither takes any."""
    generator = torch.Generator().manual_seed(0)
    pair = copy.deepcopy(nn.ModuleList([module, new])).cpu().double().train(mode == "train")  # copied together: shared weights
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        for weight in pair.parameters():
            weight.add_(torch.rand(weight.shape, generator=generator, dtype=weight.dtype) + 0.5)
        features, state, found = int(module.num_features), torch.get_rng_state(), []  # type: ignore[arg-type]
        for size in _SIZES:
            x = torch.randn((6, features, *size), generator=generator, dtype=torch.float64)
            try:
                torch.set_rng_state(state)
                wanted = pair[0](x.clone())
            except Exception:
                continue
            torch.set_rng_state(state)
            found.append(apart(pair[1](x.clone()), wanted))
    return max(found, default=None)


def frozen_parts(network: nn.Module) -> set[nn.Module]:
    """The modules of ``network`` that are or belong to a `Frozen` one."""
    return {part for whole in network.modules() if isinstance(whole, Frozen) for part in whole.modules()}


def apart(a: Tensor, b: Tensor) -> float:
    """``‖a − b‖ / ‖b‖``; infinite where shapes differ."""
    return float((a - b).norm() / b.norm().clamp(min=1e-12)) if a.shape == b.shape else float("inf")


def exchanged_layers(network: nn.Module) -> list[str]:
    """The names of the layers of ``network`` that stand for others with which they agree in train mode."""
    return [path for path, module in network.named_modules() if "given" in module.__dict__]


def as_given(network: nn.Module) -> nn.Module:
    """A copy of ``network`` with the layers that it was given with, in train mode: norms use the statistics of the batch."""
    root = nn.ModuleDict({"root": copy.deepcopy(network)}).train()
    for path, module in list(root.named_modules(remove_duplicate=False)):
        if "given" in module.__dict__:
            parent, _, name = path.rpartition(".")
            (given,) = module.__dict__["given"]
            for key, weight in module.named_parameters(recurse=False):
                given.register_parameter(key, weight)
            root.get_submodule(parent)._modules[name] = given.train()
    return root["root"]
