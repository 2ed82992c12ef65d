"""A learner that is served, and a version of a task as a client sees it."""

from dataclasses import dataclass
from typing import Any

from quickstudy.errors import ArtefactError, LearnerError
from quickstudy.inputs.columns import Columns
from quickstudy.inputs.images import Images
from quickstudy.learner import Learner
from quickstudy.saving.states import digest_of
from quickstudy.serve.raw import key_of

__all__ = ["Adapted", "Served", "served_of"]


@dataclass(frozen=True)
class Served:
    """A learner under a name.

    Args:
        name: in addresses.
        learner: in eval mode, with its ``reads``.
        digest: of it, see `saving.digest_of`.
    """

    name: str
    learner: Learner[Any]
    digest: str

    def to_json(self) -> dict[str, Any]:
        """As a client gets it: what the learner reads and predicts."""
        reads = self.learner.reads
        assert reads is not None
        found = {"name": self.name, "kind": self.learner.title, "reads": key_of(reads), "digest": self.digest}
        found["predicts"] = self.learner.likelihood.targets
        more: dict[str, Any] = {}
        if isinstance(reads, Images):
            more = {"drawn": reads.strokes}
        elif isinstance(reads, Columns):
            more = {"columns": {column.name: column.kind for column in reads.columns}}
        return found | more


@dataclass(frozen=True)
class Adapted:
    """A version of a task, as a client sees it."""

    task: str
    learner: str
    version: int
    classes: tuple[str, ...] | None
    examples: int
    created: float

    def to_json(self) -> dict[str, Any]:
        """As a client gets it."""
        found = {"task": self.task, "learner": self.learner, "version": self.version, "examples": self.examples}
        return found | {"classes": None if self.classes is None else list(self.classes), "created": self.created}


def served_of(name: str, learner: Learner[Any]) -> Served:
    """A learner, ready to be served.

    Raises:
        LearnerError: it does not know how raw things become inputs, or no file could hold it.
    """
    if learner.reads is None:
        raise LearnerError(f"the learner {name!r} does not know how a raw thing becomes an input, so it cannot be served.")
    learner.eval()
    try:
        digest = digest_of(learner)
    except ArtefactError as error:
        raise LearnerError(f"the learner {name!r} cannot be served: {error}") from error
    return Served(name, learner, digest)
