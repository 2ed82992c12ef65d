"""Backbones that a file names by hash instead of holding their weights."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from quickstudy.errors import ArtefactError
from quickstudy.nn.named_weights import NamedWeights

__all__ = ["left_out", "made_whole", "refuse_other_weights", "whole_weights"]


def left_out(learner: nn.Module) -> dict[str, NamedWeights]:
    """Parts of a learner that stand in no ``state_dict``, by path; one that stands in two places has two."""
    parts = learner.named_modules(remove_duplicate=False)
    return {path: part for path, part in parts if isinstance(part, NamedWeights) and part.left_out}


def whole_weights(learner: nn.Module) -> dict[str, Tensor]:
    """All weights of a learner, those of backbones that are left out elsewhere among them."""
    inside = {f"{path}.{name}": t for path, part in left_out(learner).items() for name, t in part.whole_state().items()}
    return dict(learner.state_dict()) | inside


def made_whole(plan: Any) -> Any:
    """A blueprint whose pretrained backbones get their weights from the file that it stands in."""
    if isinstance(plan, list):
        return [made_whole(item) for item in plan]
    if not isinstance(plan, dict):
        return plan
    found = {key: made_whole(item) for key, item in plan.items()}
    if found.get("class") == "Pretrained" and "of" not in found:
        found["arguments"] = found["arguments"] | {"whole": True}
    return found


def refuse_other_weights(learner: nn.Module, named: Any, weights: Mapping[str, Tensor], path: str | Path) -> None:
    """Compares the backbones that a file names with those of the learner that is to be filled.

    Args:
        learner: rebuilt, or the user's own.
        named: name and hash of each backbone by its path, as the file has them.
        weights: in the file.
        path: of the file.

    Raises:
        ArtefactError: another backbone, or other weights of it; or the file does not say which.
    """
    if not isinstance(named, Mapping):
        raise ArtefactError(f"{path} says of its backbones what no version reads. It was altered: use a copy.")
    here = left_out(learner)
    for place, found in named.items():
        part = here.get(place)
        if part is None or [part.name, part.sha256] != found:
            mine = f"{part.name} ({part.sha256[:12]}…)" if part is not None else "none"
            raise ArtefactError(
                f"{path} was made with the frozen backbone {_shown(found)} at {place}, but this learner has {mine} there. "
                "Pass a learner with that one, or save with whole=True."
            )
    for place, part in here.items():
        if place not in named and not any(name.startswith(f"{place}.") for name in weights):
            raise ArtefactError(
                f"{path} holds no weights for {place}, and does not name {part.name}. Pass the learner it was made of."
            )


def _shown(found: Any) -> str:
    return f"{found[0]} ({str(found[1])[:12]}…)" if isinstance(found, list) and len(found) == 2 else str(found)[:60]
