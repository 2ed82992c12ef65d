"""Conversion of files of older formats to the present one."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from quickstudy.storage.artefact import Artefact

__all__ = ["completed", "modern"]

_ADDED = ("kept.memory", "log_scale")
"""What learners did not have in format 1, and whose first values say what was done then."""


def modern(found: Artefact) -> Artefact:
    """A learner or predictor as the present format describes it.

    Format 1 (version 0.1.0) called the input kind of images ``pictures``, with ``ink`` for strokes, and wrote mappings bare.
    """
    if found.form > 1:
        return found
    described = dict(found.description)
    if "pictures" in described:
        reads = described.pop("pictures")
        described["reads"] = None if reads is None else {("strokes" if k == "ink" else k): v for k, v in dict(reads).items()}
    described["learner"] = _mappings_named(described.get("learner"))
    return replace(found, description=described)


def completed(weights: Mapping[str, Tensor], learner: nn.Module, found: Artefact) -> dict[str, Tensor]:
    """The weights of a file, with what its format lacked as in a fresh learner."""
    own = learner.state_dict() if found.form == 1 else {}
    return {name: tensor for name, tensor in own.items() if name.endswith(_ADDED)} | dict(weights)


def _mappings_named(plan: Any) -> Any:
    if isinstance(plan, list):
        return [_mappings_named(item) for item in plan]
    if not isinstance(plan, Mapping) or "opaque" in plan or set(plan) == {"function"}:
        return plan
    if set(plan) == {"class", "arguments"} and isinstance(plan["arguments"], Mapping):
        return {"class": plan["class"], "arguments": {key: _mappings_named(item) for key, item in plan["arguments"].items()}}
    return {"mapping": {key: _mappings_named(item) for key, item in plan.items()}}
