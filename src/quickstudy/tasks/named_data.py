"""Data that has a name, and data that a function of one's own returns."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from quickstudy import datasets
from quickstudy.datasets.class_index import ClassIndex, Splits
from quickstudy.datasets.redrawn import redrawn
from quickstudy.datasets.task_table import TableSplits
from quickstudy.errors import DataError, UserError
from quickstudy.inputs.images import Images
from quickstudy.inputs.kind import InputKind
from quickstudy.storage.own_code import own_function
from quickstudy.tasks.copy import Copy
from quickstudy.tasks.quadratics import Quadratics
from quickstudy.tasks.sinusoid import Sinusoid
from quickstudy.tasks.source import TaskSource

__all__ = ["Sources", "data_names", "maker_of", "named_data", "own_data", "read_by"]


class Sources(NamedTuple):
    """Sources of meta-training, meta-validation and meta-test tasks."""

    train: TaskSource[Any]
    val: TaskSource[Any] | None
    test: TaskSource[Any]


def named_data(name: str) -> Splits | Sources:
    """The data set of a name, see `data_names`."""
    return _GENERATED[name]() if name in _GENERATED else _made()[name]()


def data_names() -> tuple[str, ...]:
    """The data sets that can be had by name alone.

    >>> data_names()
    ('glyphs', 'omniglot', 'copy', 'quadratics', 'sinusoid')
    """
    return (*_made(), *_GENERATED)


def maker_of(name: str) -> Callable[..., Any]:
    """The function or the class of tasks behind a name; its docstring says what the data is."""
    return type(_GENERATED[name]().train) if name in _GENERATED else _made()[name]


def _made() -> dict[str, Callable[[], Splits]]:
    return {name: fn for name in datasets.__all__ if _gives_splits(fn := getattr(datasets, name))}


_GENERATED: dict[str, Callable[[], Sources]] = {
    "copy": lambda: Sources(Copy((1, 20)), Copy(20), Copy(20)),
    "quadratics": lambda: Sources(Quadratics(), Quadratics(), Quadratics()),
    "sinusoid": lambda: Sources(Sinusoid(10, 10), Sinusoid(10, 100, grid=True), Sinusoid(10, 100, grid=True)),
}


def _gives_splits(fn: Any) -> bool:
    """Whether it is a data set that can be had by name alone."""
    if not inspect.isfunction(fn):
        return False
    call = inspect.signature(fn)
    free = all(p.default is not p.empty or p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in call.parameters.values())
    return free and getattr(call.return_annotation, "__name__", call.return_annotation) == "Splits"


def own_data(spec: str, trust: bool) -> Splits | TableSplits | Sources:
    """What ``file.py:function`` returns.

    Args:
        spec: the file and the function.
        trust: as for `own_function`.

    Raises:
        UserError: the function is not there, or may not run.
        DataError: it raises an error, or returns something else.
    """
    make = own_function(spec, "data", trust=trust)
    try:
        found = make()
    except UserError:
        raise
    except Exception as error:  # the user's own code raises anything
        raise DataError(f"{spec} raised {type(error).__name__}: {error}. Mend it.") from error
    if isinstance(found, Splits | TableSplits):
        return found
    if isinstance(found, tuple | list) and len(found) == 3 and _are_sources(found):
        return Sources(*found)
    kinds = f" of {', '.join(type(item).__name__ for item in found)}" if isinstance(found, tuple | list) else ""
    raise DataError(
        f"{spec} returned a {type(found).__name__}{kinds}. Return datasets.Splits, datasets.TableSplits, or three sources: "
        "(train, val, test), val may be None."
    )


def _are_sources(found: Sequence[Any]) -> bool:
    return all(isinstance(item, TaskSource) or (item is None and place == 1) for place, item in enumerate(found))


def read_by(index: ClassIndex, reads: InputKind | None) -> ClassIndex:
    """Images in the size and the colours that a backbone or a learner reads; rows that are read so already stay as they are.

    Raises:
        DataError: the index holds something else.
    """
    if reads is None or index.reads is None or index.reads == reads:
        return index
    if isinstance(reads, Images) and isinstance(index.reads, Images):
        return redrawn(index, reads)
    raise DataError(
        f"{index.name} holds {index.reads.things} read in one way, but {reads.things} are read here in another. Choose another "
        "backbone, or other data."
    )
