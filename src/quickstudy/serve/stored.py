"""What the data base holds of a task, who may ask, and what goes wrong when two change it at once."""

import re
from dataclasses import dataclass

from quickstudy.errors import RunError

__all__ = ["Bearer", "StoredTask", "StoredVersion", "Taken", "is_full", "is_id"]


class Taken(RunError):
    """Somebody else made this version of the task in the meantime."""


@dataclass(frozen=True)
class Bearer:
    """Who asks: whoever has this key; None: a caller without one, which is enough where there are no keys."""

    key: str | None


@dataclass(frozen=True)
class StoredVersion:
    """One version of a task: its number, the state as bytes, class names, how many examples it was made of, and when."""

    number: int
    state: bytes
    classes: tuple[str, ...] | None
    examples: int
    created: float


@dataclass(frozen=True)
class StoredTask:
    """A task: its identifier, the learner's name and fingerprint, when it was made, and the number of its last version."""

    id: str
    learner: str
    digest: str
    created: float
    versions: int


_ID = re.compile("[0-9a-f]{32}")


def is_id(text: str) -> bool:
    """Whether a text may be an identifier; PostgreSQL refuses some others, which would spoil the reading for all."""
    return _ID.fullmatch(text) is not None


def is_full(error: Exception) -> bool:
    """Whether the data base failed because there is no more room: SQLite's SQLITE_FULL, PostgreSQL's disk_full."""
    found = getattr(error, "orig", None)
    return getattr(found, "sqlite_errorname", "") == "SQLITE_FULL" or getattr(found, "sqlstate", "") == "53100"
