"""The errors of quickstudy, drawn as a tree.

    QuickstudyError
    ├── UserError            a person can fix it; its text may be shown by a command line, a page or a server
    │   ├── DataError        a data set, a folder, an image or a download is not as it must be
    │   ├── TaskError        the requested tasks cannot be drawn from the data
    │   ├── ShapeError       tensors, networks and tasks do not fit together
    │   ├── LearnerError     a learner is used in a way it does not offer
    │   ├── ArtefactError    a file of ours is damaged, foreign, or of a newer version
    │   ├── RunError         a run folder is busy, missing or of another recipe
    │   ├── ArgumentError    an argument of a call has a value that it cannot have
    │   └── MissingExtra     an optional dependency is not installed
    ├── ContractError        a learner or a source breaks a promise that quickstudy.checks checks
    └── InternalError        a promise of ours was broken: please report it

>>> issubclass(DataError, UserError) and issubclass(UserError, QuickstudyError)
True

A text that names an argument holds it as an `Argument`, which Python spells as in a call and a command line as a flag:

>>> error = ArgumentError(Argument("inner_lr"), " must be a finite number, not nan.")
>>> str(error)
'inner_lr must be a finite number, not nan.'
>>> error.worded(lambda argument: "--" + argument.name.replace("_", "-"))
'--inner-lr must be a finite number, not nan.'
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

__all__ = [
    "Argument",
    "ArgumentError",
    "ArtefactError",
    "ContractError",
    "DataError",
    "InternalError",
    "LearnerError",
    "MissingExtra",
    "QuickstudyError",
    "RunError",
    "ShapeError",
    "TaskError",
    "UserError",
    "nearest",
]


@dataclass(frozen=True)
class Argument:
    """An argument within an error's text; command line and Python spell it in their own ways.

    Args:
        name: as in Python.
        value: which it has, or should have; left out, the name stands alone.

    >>> f"Lower {Argument('ways', 20)}, or leave {Argument('shots')} out."
    'Lower ways=20, or leave shots out.'
    """

    name: str
    value: Any = None

    def __str__(self) -> str:
        return self.name if self.value is None else f"{self.name}={self.value!r}"


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that is most like a wrong one, as the end of a message; nothing where none is.

    >>> nearest("protonet", ["MAML", "ProtoNet"]), nearest("xyz", ["MAML"])
    (' Did you mean ProtoNet?', '')
    """
    spellings = {word.lower(): word for word in known}
    found = get_close_matches(name.lower(), spellings, n=1)
    return f" Did you mean {spellings[found[0]]}?" if found else ""


class QuickstudyError(Exception):
    """Everything quickstudy raises on purpose; its text can be printed, whatever bytes a file's name holds."""

    def __init__(self, *parts: object) -> None:
        super().__init__(*[p.encode("utf-8", "backslashreplace").decode() if isinstance(p, str) else p for p in parts])


class UserError(QuickstudyError):
    """A mistake that a person can fix; the text, given whole or in parts, says how."""

    def __init__(self, *parts: object) -> None:
        super().__init__(*parts)

    def __str__(self) -> str:
        return self.worded(str)

    def worded(self, spelled: Callable[[Argument], str]) -> str:
        """The text, each argument in it as ``spelled`` spells it."""
        return "".join(spelled(part) if isinstance(part, Argument) else str(part) for part in self.args)


class DataError(UserError, ValueError):
    """A data set, a folder, an image or a download is invalid."""


class TaskError(UserError, ValueError):
    """The requested tasks cannot be drawn from the data."""


class ShapeError(UserError, ValueError):
    """Tensors, networks and tasks do not fit together."""


class LearnerError(UserError, TypeError):
    """A learner is used in a way that it does not support."""


class ArtefactError(UserError, ValueError):
    """A file of ours is damaged, foreign, or of a newer version."""


class RunError(UserError, RuntimeError):
    """A run folder is busy, missing or of another recipe."""


class ArgumentError(UserError, ValueError):
    """An argument of a call has a value that it cannot have."""


class MissingExtra(UserError, ImportError):
    """An optional dependency is not installed.

    >>> str(MissingExtra.of("onnx", "exporting to ONNX"))
    'exporting to ONNX needs the package "onnx". Install it: pip install "quickstudy[onnx]"'
    """

    @classmethod
    def of(cls, extra: str, purpose: str) -> "MissingExtra":
        return cls(f'{purpose} needs the package "{extra}". Install it: pip install "quickstudy[{extra}]"')


class ContractError(QuickstudyError, AssertionError):
    """A learner or a source breaks a promise that `quickstudy.checks` checks; the text names promise, number, remedy."""


class InternalError(QuickstudyError):
    """A promise of ours was broken: please report it."""
