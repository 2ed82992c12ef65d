"""What an export says of itself, as JSON: classes, inputs, free sizes, preprocessing, versions, tolerance."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from quickstudy.export.graphs import Graph
from quickstudy.export.trials import LOGITS, PROBABILITIES, Deviation
from quickstudy.inputs.images import Images
from quickstudy.learner import Learner, Predictor
from quickstudy.nn.backbones.pretrained import Pretrained
from quickstudy.storage.artefact import versions

__all__ = ["NOTES", "SELF_TEST", "Loss", "Tolerance", "notes_of"]

NOTES, SELF_TEST = "quickstudy", "quickstudy.self_test"
"""Names of the notes and of the self-test in a file's metadata."""

_FORMAT = 1


@dataclass(frozen=True)
class Loss:
    """What weights of 8 bits cost, measured on made-up inputs against PyTorch's own outputs.

    Args:
        deviation: of logits and probabilities.
        agreement: share of queries with the same most probable class; None for values and labels.
        queries: how many.
    """

    deviation: Deviation
    agreement: float | None
    queries: int

    def __str__(self) -> str:
        same = "" if self.agreement is None else f", the same class for {self.agreement:.0%}"
        return f"{self.deviation}{same} (on {self.queries} made-up inputs)"


@dataclass(frozen=True)
class Tolerance:
    """The largest deviation that a self-test allows.

    Args:
        logits: as a share of the range.
        probabilities: of a probability.
    """

    logits: float = LOGITS
    probabilities: float = PROBABILITIES

    def holds(self, found: Deviation) -> bool:
        """Whether a deviation is within it."""
        return found.within(self.logits, self.probabilities)


def notes_of(
    thing: Learner[Any] | Predictor,
    graph: Graph,
    tolerance: Tolerance = Tolerance(),
    loss: Loss | None = None,
) -> str:
    """The notes of a program as JSON."""
    learner = thing.learner if isinstance(thing, Predictor) else thing
    predictor = thing if isinstance(thing, Predictor) else None
    found: dict[str, Any] = {
        "format": _FORMAT,
        "kind": graph.kind,
        "learner": learner.title,
        "targets": learner.likelihood.targets,
        "likelihood": type(learner.likelihood).__name__,
        "temperature": None if learner.calibration is None else learner.calibration.value,
        "classes": list(predictor.classes) if predictor is not None and predictor.classes is not None else None,
        "threshold": predictor.threshold.least if predictor is not None and predictor.threshold is not None else None,
        "inputs": {name: _tensor(graph, name) for name in graph.inputs},
        "outputs": list(graph.outputs),
        "free": graph.free,
        "fixed": dict(graph.fixed),
        "preprocessing": _preprocessing(thing, learner),
        "precision": "float32" if loss is None else "int8",
        "int8": None if loss is None else _plain(loss),
        "tolerance": {"logits": tolerance.logits, "probabilities": tolerance.probabilities},
        "versions": versions(),
    }
    return json.dumps(found, sort_keys=True, ensure_ascii=False)


def _tensor(graph: Graph, name: str) -> dict[str, Any]:
    tensor = graph.trials[0].inputs[name]
    axes = graph.axes.get(name, {})
    return {
        "shape": [axes.get(axis, size) for axis, size in enumerate(tensor.shape)],
        "type": str(tensor.dtype).removeprefix("torch."),
    }


def _preprocessing(thing: Learner[Any] | Predictor, learner: Learner[Any]) -> dict[str, Any] | None:
    """How a raw thing becomes x: by the record of quickstudy.inputs, and the constants that the program itself applies."""
    if thing.reads is None:
        return None
    found: dict[str, Any] = {"reads": thing.reads.to_json()}
    if isinstance(thing.reads, Images):
        found |= {"size": list(thing.reads.size), "channels": thing.reads.channels, "values": "decimal numbers from 0 to 1"}
        means = [part for part in learner.modules() if isinstance(part, Pretrained) and part.mean is not None]
        found["in the program"] = [_constants(part) for part in means]
    return found


def _constants(part: Pretrained) -> Mapping[str, list[float]]:
    return {name: [round(float(value), 6) for value in getattr(part, name).flatten()] for name in ("mean", "deviation")}


def _plain(loss: Loss) -> dict[str, Any]:
    return {
        "logits": loss.deviation.logits,
        "probabilities": loss.deviation.probabilities,
        "same class": loss.agreement,
        "queries": loss.queries,
    }
