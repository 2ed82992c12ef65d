"""The errors of quickstudy, drawn as a tree.

    QuickstudyError
    ├── UserError            a person can mend it; its text may be shown by a command line, a page or a server
    │   ├── DataError        a data set, a folder, an image or a download is not as it must be
    │   ├── TaskError        the tasks asked for cannot be drawn from the data
    │   ├── ShapeError       tensors, networks and tasks do not fit together
    │   ├── LearnerError     a learner is used in a way it does not offer
    │   ├── ArtefactError    a file of ours is damaged, foreign, or of a newer version
    │   ├── RunError         a run folder is busy, missing or of another recipe
    │   └── MissingExtra     an optional dependency is not installed
    ├── ContractError        a learner or a source breaks a promise that quickstudy.checks asks of it
    └── InternalError        a promise of ours was broken: please report it

>>> issubclass(DataError, UserError) and issubclass(UserError, QuickstudyError)
True
"""

__all__ = [
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
]


class QuickstudyError(Exception):
    """Everything quickstudy raises on purpose."""


class UserError(QuickstudyError):
    """A mistake that a person can mend; the text says how."""


class DataError(UserError, ValueError):
    """A data set, a folder, an image or a download is not as it must be."""


class TaskError(UserError, ValueError):
    """The tasks asked for cannot be drawn from the data."""


class ShapeError(UserError, ValueError):
    """Tensors, networks and tasks do not fit together."""


class LearnerError(UserError, TypeError):
    """A learner is used in a way it does not offer."""


class ArtefactError(UserError, ValueError):
    """A file of ours is damaged, foreign, or of a newer version."""


class RunError(UserError, RuntimeError):
    """A run folder is busy, missing or of another recipe."""


class MissingExtra(UserError, ImportError):
    """An optional dependency is not installed.

    >>> str(MissingExtra.of("onnx", "exporting to ONNX"))
    'exporting to ONNX needs the package "onnx". Install it: pip install "quickstudy[onnx]"'
    """

    @classmethod
    def of(cls, extra: str, purpose: str) -> "MissingExtra":
        return cls(f'{purpose} needs the package "{extra}". Install it: pip install "quickstudy[{extra}]"')


class ContractError(QuickstudyError, AssertionError):
    """A learner or a source breaks a promise that `quickstudy.checks` asks of it; the text names promise, number, remedy."""


class InternalError(QuickstudyError):
    """A promise of ours was broken: please report it."""
