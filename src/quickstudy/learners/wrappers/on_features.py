"""Any learner on the features of a frozen backbone: trained on cached features, it answers raw photos or texts."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from quickstudy.errors import LearnerError, ShapeError
from quickstudy.functional.tree import cat, leading, map_leaves
from quickstudy.functional.unroll import is_exporting
from quickstudy.learner import Learner
from quickstudy.nn.frozen import Frozen
from quickstudy.task import Inputs
from quickstudy.wrapper import LearnerOnBackbone

__all__ = ["OnFeatures"]

_AT_ONCE = 64
"""Rows that the backbone computes at once, so that a thousand photos need no gigabytes."""


class OnFeatures(LearnerOnBackbone):
    """``encode(x) = learner.encode(backbone(x))``, with a backbone that no training changes.

    Rows that are features of the backbone already are taken as they are, so that the same learner trains and is evaluated on
    `datasets.encoded` and answers raw inputs. **The rule**: decimal numbers of shape (R, features) are features; all else is an
    input of the backbone. A backbone that takes such rows as inputs, too, is refused, and so are decimal numbers (R, D) that
    are neither. Files name a pretrained backbone by its hash, and then are as small as the learner.

    Args:
        backbone: frozen, with its number of features in ``features``, such as ``nn.backbones.build("minilm")``.
        learner: on those features, for example ``ProtoNet(nn.UnitLength())``.

    Raises:
        LearnerError: the backbone does not say how many features it gives, or says it wrongly (in `encode`), or takes rows of
            the shape of its own features.
        ShapeError: in `encode`, rows that are neither features nor inputs of the backbone.

    >>> from quickstudy.learners.metric.proto import ProtoNet
    >>> from quickstudy.nn.conv4 import Conv4
    >>> from quickstudy.nn.standardised import UnitLength
    >>> learner = OnFeatures(Frozen(Conv4(1, 4)), ProtoNet(UnitLength()))
    >>> images = torch.rand(3, 1, 28, 28)
    >>> bool((learner.encode(images) == learner.encode(learner.backbone(images))).all())
    True
    """

    def __init__(self, backbone: Frozen, learner: Learner[Any]) -> None:
        super().__init__(backbone, learner)
        if _takes(backbone, backbone.features):
            raise LearnerError(
                f"{type(backbone.encoder).__name__} takes rows of {backbone.features} decimal numbers and gives as many, so that "
                "cached features cannot be told from its inputs. Give the learner the backbone for its encoder, or change the "
                "number of its features."
            )

    def vectors(self, x: Inputs) -> Tensor:
        return x if self._are_features(x) else self._computed(x)

    def _are_features(self, x: Inputs) -> bool:
        if not (isinstance(x, Tensor) and x.ndim == 2 and x.is_floating_point()):
            return False
        wanted, name = self.backbone.features, type(self.backbone.encoder).__name__
        if x.shape[1] != wanted and not (is_exporting() or _takes(self.backbone, x.shape[1])):
            raise ShapeError(
                f"rows of {x.shape[1]} decimal numbers are neither inputs of {name} nor its {wanted} features. "
                f"Give raw inputs, or features of this backbone: datasets.encoded(index, learner.backbone)."
            )
        return bool(x.shape[1] == wanted)

    def _computed(self, x: Inputs) -> Tensor:
        if is_exporting() or leading(x) <= _AT_ONCE:  # an export has one graph for any number of rows
            found: Tensor = self.backbone(x)
        else:
            found = cat([self.backbone(part) for part in _parts(x)])
        if found.ndim != 2 or found.shape[1] != self.backbone.features:
            raise LearnerError(
                f"{type(self.backbone.encoder).__name__} says that it gives {self.backbone.features} features, and gives "
                f"{tuple(found.shape[1:])}. Let its attribute features say how many numbers its vectors have."
            )
        return found


def _parts(x: Inputs) -> Iterator[Inputs]:
    for low in range(0, leading(x), _AT_ONCE):
        yield map_leaves(lambda leaf, low=low: leaf[low : low + _AT_ONCE], x)


def _takes(backbone: Frozen, width: int) -> bool:
    """Whether rows of ``width`` decimal numbers are inputs of it, found by trying one."""
    like = next((t for t in [*backbone.parameters(), *backbone.buffers()] if t.is_floating_point()), torch.empty(0))
    row = like.new_full((1, width), -1.5)  # no number of a token, none of a pixel
    try:
        found = backbone(row)
    except Exception:  # what a network of any making says of inputs that are none
        return False
    return isinstance(found, Tensor) and found.shape[:1] == (1,)
