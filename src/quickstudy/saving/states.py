"""What a predictor learned, without its learner: bytes for a data base in which many tasks of one learner live."""

import hashlib
import io
from dataclasses import asdict
from typing import Any

from quickstudy.errors import ArtefactError
from quickstudy.inputs.row_shape import RowShape
from quickstudy.learner import Learner, Predictor
from quickstudy.nn.value import value_of
from quickstudy.saving.checkpoint import records_of
from quickstudy.saving.kept import kept_description, kept_support, kept_threshold, kept_tree
from quickstudy.saving.left_out import left_out
from quickstudy.storage.artefact import Artefact, dumped, parse, unpack
from quickstudy.storage.blueprint import blueprint

__all__ = ["digest_of", "predictor_of", "state_bytes"]

_KIND = "state"


def digest_of(learner: Learner[Any]) -> str:
    """A fingerprint of a learner: what it was built of, its weights, how it reads, and its frozen backbones by their hashes."""
    description: dict[str, Any] = {
        "learner": blueprint(learner),
        "reads": None if learner.reads is None else learner.reads.to_json(),
        "expects": None if learner.expects is None else asdict(learner.expects),
        "backbones": {place: [part.name, part.sha256] for place, part in left_out(learner).items()},
    }
    if learner.calibration is not None:  # thresholds are probabilities at it
        description["temperature"] = asdict(learner.calibration)
    return hashlib.sha256(dumped("learner", description, {"weights": dict(learner.state_dict())})).hexdigest()


def state_bytes(predictor: Predictor, digest: str) -> bytes:
    """The state, class names, encoded support set and threshold of a predictor.

    Args:
        predictor: whose learner is kept elsewhere.
        digest: of that learner, see `digest_of`.
    """
    description: dict[str, Any] = kept_description(predictor.support, predictor.threshold)
    description |= {"classes": None if predictor.classes is None else list(predictor.classes), "digest": digest}
    description["rows"] = None if predictor.rows is None else predictor.rows.tensors
    return dumped(_KIND, description, {"state": predictor.state} | kept_tree(predictor.support))


def predictor_of(learner: Learner[Any], content: bytes, digest: str, name: str = "the state") -> Predictor:
    """The predictor whose state `state_bytes` gave.

    Args:
        learner: that made it.
        content: the bytes.
        digest: of the learner.
        name: for messages.

    Raises:
        ArtefactError: other bytes, or the state of another learner.

    >>> import torch
    >>> from quickstudy.learners.metric.proto import ProtoNet
    >>> from quickstudy.task import Examples
    >>> learner = ProtoNet(torch.nn.Flatten())
    >>> digest = digest_of(learner)
    >>> content = state_bytes(learner(Examples.of(torch.eye(2), [0, 1]), ["a", "b"]), digest)
    >>> predictor_of(learner, content, digest).names(torch.eye(2))
    ['a', 'b']
    """
    found = parse(io.BytesIO(content), name, (_KIND,))
    if found.description.get("digest") != digest:
        raise ArtefactError(f"{name} was made by another learner than the one of this name now. Serve that one, or adapt anew.")
    try:
        return _predictor(learner, found, name)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise ArtefactError(f"{name} does not hold what a predictor needs ({error!r}). It was altered: use a copy.") from error


def _predictor(learner: Learner[Any], found: Artefact, name: str) -> Predictor:
    records = records_of(value_of(learner).module)
    tree = {str(key): item for key, item in found.skeleton["dict"]}
    support = kept_support(unpack(tree.get("support"), found.tensors, records), name)
    classes, rows = found.description.get("classes"), found.description.get("rows")
    return Predictor(
        learner,
        unpack(tree["state"], found.tensors, records),
        None if classes is None else tuple(classes),
        learner.reads,
        None if rows is None else RowShape.from_json(rows),
        support,
        kept_threshold(found.description, name),
    )
