"""Compares converted networks inside a learner with the original ones."""

import copy
from collections.abc import Callable
from functools import partial
from typing import Any
from weakref import WeakSet

import torch
from torch import Tensor, nn
from torch.func import functional_call

from quickstudy.errors import LearnerError, UserError
from quickstudy.execution.vmap_safety import double, same_randomness, warn_once
from quickstudy.functional.tree import leading, leaves, map_leaves
from quickstudy.learner import Learner
from quickstudy.nn.exchange import apart, as_given, exchanged_layers
from quickstudy.task import Task

__all__ = ["compare_converted"]

_compared: WeakSet[nn.Module] = WeakSet()

_Call = tuple[dict[str, Tensor], tuple[Any, ...], dict[str, Any]]
"""The weights that a network was called with, its arguments by place and by name."""


class _Seen(Exception):
    """Every network was called: no need to go on."""


def compare_converted(learner: Learner[Any], tasks: Task) -> None:
    """Compares once for each learner, on the first of ``tasks`` (encoded), in train mode with the same random numbers.

    There both norms use the statistics of the batch, so the networks agree, unless one looks at the classes of its layers.

    Raises:
        LearnerError: a network computes something else than the one that was given.
    """
    if learner in _compared:
        return
    _compared.add(learner)
    if not _networks(learner):
        return
    with same_randomness(learner) as (rewind, _):
        try:
            clone = double(learner)
            networks = _networks(clone)
            calls = _calls(clone, networks, tasks)
        except UserError:  # of these tasks, not of the learner: the real call raises it, too
            _compared.discard(learner)
            return
        except Exception as error:
            warn_once(f"{type(learner).__name__}: its converted networks could not be compared with the given ones ({error}).")
            return
        for path, network in networks.items():
            found = _distance(network, calls[path], rewind) if path in calls else "it was not called"
            if isinstance(found, str):
                warn_once(f"{type(learner).__name__}: {path} could not be compared with the network that was given ({found}).")
            elif found > 1e-6:
                layers = ", ".join(exchanged_layers(network)[:5])
                raise LearnerError(
                    f"{path} ({type(network).__name__}) computes something else since quickstudy.nn.norm.convert exchanged its "
                    f"norms ({layers}): outputs are {found:.1e} apart. It may ask for the class of a layer or for running "
                    "averages. Let it call its norms as any layer, or keep that part as it is, by quickstudy.nn.Frozen."
                )


def _networks(learner: nn.Module) -> dict[str, nn.Module]:
    """The converted networks by name, none of them inside another."""
    found: dict[str, nn.Module] = {}
    for path, module in learner.named_modules():
        if "converted" in module.__dict__ and not any(path.startswith(f"{other}.") for other in found):
            found[path] = module
    return found


def _calls(learner: Learner[Any], networks: dict[str, nn.Module], tasks: Task) -> dict[str, _Call]:
    """What each network is called with first."""
    calls: dict[str, _Call] = {}

    def note(path: str, module: nn.Module, args: Any, kwargs: Any) -> None:
        weights: dict[str, Tensor] = {name: weight.detach().clone() for name, weight in module.named_parameters()}
        calls.setdefault(path, (weights, *map_leaves(_detached, (args, kwargs))))
        if len(calls) == len(networks):
            raise _Seen

    task = map_leaves(partial(_as_in, next(learner.parameters(), torch.zeros(()))), tasks[0])
    hooks = [net.register_forward_pre_hook(partial(note, path), with_kwargs=True) for path, net in networks.items()]
    try:
        learner.eval().predict(learner.adapt(task.support), task.query.x)
        learner.train().objective(task)
    except _Seen:
        pass
    finally:
        for hook in hooks:
            hook.remove()
    return calls


def _detached(leaf: Any) -> Any:
    return leaf.detach().clone() if isinstance(leaf, Tensor) else leaf


def _as_in(weight: Tensor, leaf: Tensor) -> Tensor:
    return leaf.detach().to(weight.device, torch.float64 if leaf.is_floating_point() else None)


def _distance(network: nn.Module, call: _Call, rewind: Callable[[], None]) -> float | str:
    """How far the network's outputs are from those of the given one, or why that is unknown."""
    weights, given = call[0], call[1:]
    args, kwargs = map_leaves(_two, given) if leading(given) == 1 else given  # a norm needs two rows
    found = []
    for one in (copy.deepcopy(network).train(), as_given(network).to(leaves(given)[0].device, torch.float64)):
        rewind()
        try:
            with torch.no_grad():
                outputs = functional_call(one, weights, map_leaves(_detached, args), map_leaves(_detached, kwargs))
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        found.append(torch.cat([leaf.flatten().double() for leaf in leaves(outputs)]))
    if not all(bool(torch.isfinite(one).all()) for one in found):
        return "its outputs are not finite"
    return apart(*found)


def _two(leaf: Any) -> Any:
    return torch.cat([leaf, leaf + 1 if leaf.is_floating_point() else leaf]) if isinstance(leaf, Tensor) else leaf
