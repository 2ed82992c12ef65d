"""Files of older formats, put as the present one would."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from quickstudy.storage.artefact import Artefact

__all__ = ["modern"]


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


def _mappings_named(plan: Any) -> Any:
    if isinstance(plan, list):
        return [_mappings_named(item) for item in plan]
    if not isinstance(plan, Mapping) or "opaque" in plan or set(plan) == {"function"}:
        return plan
    if set(plan) == {"class", "arguments"} and isinstance(plan["arguments"], Mapping):
        return {"class": plan["class"], "arguments": {key: _mappings_named(item) for key, item in plan["arguments"].items()}}
    return {"mapping": {key: _mappings_named(item) for key, item in plan.items()}}
