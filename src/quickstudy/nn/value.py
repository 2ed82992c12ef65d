"""A module as a value: a copy that no training changes, shared by all users and lent to one thread at a time.

While a network runs with other weights than its own, they stand in its modules, where a second thread would find them
(`torch.func.functional_call` does the same). A loan is therefore a shell: modules of its own around the same tensors.
"""

import copy
import functools
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any, Generic, Self, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from quickstudy.errors import LearnerError
from quickstudy.nn.frozen import Frozen

__all__ = ["HasValue", "Value", "alike", "own", "value_of"]

Module = TypeVar("Module", bound=nn.Module)

_KEPT = "_value"
"""Where a module remembers its value; no part of its state, and left out of copies and files by `HasValue`."""

_TRANSIENT = {"training", _KEPT}
_ATOMS = (FunctionType, BuiltinFunctionType, ModuleType, type)
_lock = threading.RLock()


class Value(Generic[Module]):
    """A module in eval mode whose tensors stay as they are, and shells of it for those who compute.

    Args:
        module: no other code may change it.

    >>> value = Value(nn.Linear(2, 1).eval())
    >>> with value.lent() as one, value.lent() as other:
    ...     one is other, one.weight is other.weight
    (False, True)
    """

    def __init__(self, module: Module) -> None:
        self.module = module
        self._idle: deque[Module] = deque()

    @contextmanager
    def lent(self) -> Iterator[Module]:
        """A shell that no other thread has; there are as many as were ever in use at once."""
        try:
            shell = self._idle.pop()
        except IndexError:
            shell = _copy(self.module, {id(tensor): tensor for tensor in _tensors(self.module)})
        yield shell
        self._idle.append(shell)  # not after an error, which may have left other weights in it


def value_of(module: Module) -> Value[Module]:
    """The value of ``module`` as it is now: the last one if it still equals the module, else a new copy in eval mode.

    All that the module holds is compared, tensors bit by bit: `Tensor._version` does not count what is written through
    ``.data`` or NumPy, and comparing reads each weight once, as any forward pass does. The tensors of `Frozen` parts are
    shared instead of copied and not compared.

    Raises:
        LearnerError: the module cannot be copied.
    """
    with _lock:
        known: Value[Module] | None = module.__dict__.get(_KEPT)
        if known is None or not (known.module is module or alike(module, known.module)):
            known = own(_copy(module, _shared(module)).eval())
            module.__dict__[_KEPT] = known
        return known


def own(module: Module) -> Value[Module]:
    """``module`` itself as its value, for one that no other object holds."""
    module.__dict__[_KEPT] = value = Value(module)
    return value


class HasValue(nn.Module):
    """A base for modules that remember their value."""

    def __getstate__(self) -> dict[str, Any]:
        """Copies and files do not hold the value."""
        return {name: held for name, held in vars(self).items() if name != _KEPT}

    def __sklearn_clone__(self) -> Self:
        """What a clone of an estimator by scikit-learn holds: the value of this module as it is now, a copy in eval mode.

        All clones share it, and the tensors of `Frozen` parts with this module too.
        """
        return value_of(self).module


def _tensors(module: nn.Module) -> Iterator[Tensor]:
    """All tensors of a module and its parts, those that are not registered among them."""
    for part in module.modules():
        for held in (part._parameters, part._buffers, vars(part)):
            yield from (tensor for tensor in held.values() if isinstance(tensor, Tensor))


def _shared(module: nn.Module) -> dict[int, Any]:
    """What a copy does not copy: the tensors of frozen parts, and those of a forward pass, which stand for themselves."""
    made = {id(t): t.detach().clone() for t in _tensors(module) if t.requires_grad and not t.is_leaf}
    frozen = {id(t): t for part in module.modules() if isinstance(part, Frozen) for t in _tensors(part.encoder)}
    return made | frozen


def _copy(module: Module, known: dict[int, Any]) -> Module:
    try:
        return copy.deepcopy(module, known)
    except (RuntimeError, TypeError, NotImplementedError, copy.Error) as error:
        raise LearnerError(
            f"a predictor keeps a copy of its learner, and this {type(module).__name__} cannot be copied "
            f"({str(error).splitlines()[0]}). Keep out of it what copy.deepcopy refuses, or give that part a __deepcopy__."
        ) from error


def alike(a: Any, b: Any, _met: dict[int, int] | None = None) -> bool:
    """Whether a thing and its earlier copy hold the same, tensors bit by bit; the modes of modules do not count.

    >>> layer = nn.Linear(2, 1)
    >>> other = copy.deepcopy(layer)
    >>> before = alike(layer, other.eval())
    >>> layer.weight.data += 1
    >>> before, alike(layer, other)
    (True, False)
    """
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, dict) and not a:  # most of what a module holds
        return not b
    if isinstance(a, _ATOMS):
        return False
    if isinstance(a, Tensor):
        return _same_tensor(a, b)
    if isinstance(a, int | float | str):
        return bool(a == b)
    met = {} if _met is None else _met
    if id(a) in met:  # what stands in two places has one copy
        return met[id(a)] == id(b)
    met[id(a)] = id(b)
    if isinstance(a, dict):
        return list(a) == list(b) and all(alike(a[key], b[key], met) for key in a)
    if isinstance(a, list | tuple | deque):
        here, there = list(a), list(b)
        return len(here) == len(there) and all(alike(x, y, met) for x, y in zip(here, there, strict=True))
    return _same_object(a, b, met)


def _same_tensor(a: Tensor, b: Tensor) -> bool:
    if (a.shape, a.dtype, a.device, a.requires_grad) != (b.shape, b.dtype, b.device, b.requires_grad):
        return False
    try:
        return torch.equal(a, b)
    except RuntimeError:  # a kind of tensor that cannot be compared counts as another one
        return False


def _same_object(a: Any, b: Any, met: dict[int, int]) -> bool:
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b)
    if isinstance(a, MethodType):
        return a.__func__ is b.__func__ and alike(a.__self__, b.__self__, met)
    if isinstance(a, functools.partial):
        return all(alike(getattr(a, part), getattr(b, part), met) for part in ("func", "args", "keywords"))
    plain = all(getattr(type(a), name) is getattr(object, name) for name in ("__reduce__", "__reduce_ex__"))
    if isinstance(a, nn.Module) or (plain and hasattr(a, "__dict__")):  # all that it is stands in its attributes
        x, y = vars(a), vars(b)
        if x.keys() - _TRANSIENT != y.keys() - _TRANSIENT:
            return False
        return all(held is y.get(name) or name in _TRANSIENT or alike(held, y[name], met) for name, held in x.items())
    try:
        return bool(a == b)
    except Exception:  # whatever cannot be compared counts as another one
        return False
