"""Any learner on maps of images: trained on cached maps, it answers the cells of raw images."""

import torch
from torch import Tensor

from quickstudy.errors import LearnerError, ShapeError
from quickstudy.functional.unroll import is_exporting
from quickstudy.task import Inputs
from quickstudy.wrapper import LearnerOnBackbone

__all__ = ["OnMaps"]

_AT_ONCE = 16
"""Images that the backbone computes at once."""


class OnMaps(LearnerOnBackbone):
    """``encode(x) = learner.encode(h(x))``, where h(x) is a cell's vector in the map of its image, by a frozen backbone.

    A row is a cell. As ``{"features", "unit"}`` its vector was computed before (`datasets.encoded`, `datasets.MaskedImages`); as
    `inputs.Cells` gives it, ``{"pixels", "place", "unit"}``, the map of each image is computed once for all of its cells, which
    therefore must all be there, in order. Where rows have a leaf ``fold`` (of meta-training, see `nn.CrossFitted`), the learner
    gets it as one number more.

    Args:
        backbone: frozen, that reads cells, such as ``nn.backbones.build("efficientnet-lite0", maps=True)``.
        learner: on vectors (cells, features), for example a `ProtoNet`.

    Raises:
        LearnerError: a backbone that does not say how many features it gives; in `encode`, raw images in a program.
        ShapeError: in `encode`, rows that are no cells, or not all of an image.

    >>> from quickstudy.inputs.cells import Cells
    >>> from quickstudy.nn.frozen import Frozen
    >>> from quickstudy.learners.metric.proto import ProtoNet
    >>> network = torch.nn.Conv2d(3, 5, 8, 8)
    >>> network.features, network.reads = 5, Cells(size=32, cell=8)
    >>> learner = OnMaps(Frozen(network), ProtoNet(torch.nn.Identity()))
    >>> learner.encode(Cells(size=32, cell=8).batch(torch.rand(2, 3, 32, 32))).shape
    torch.Size([32, 5])
    """

    def vectors(self, x: Inputs) -> Tensor:
        if isinstance(x, dict) and isinstance(x.get("features"), Tensor):
            features: Tensor = x["features"]
            if features.shape[1:] != (self.backbone.features,):
                raise ShapeError(
                    f"cells of {tuple(features.shape[1:])} numbers; this backbone gives {self.backbone.features}. Give the maps "
                    "of this backbone: datasets.encoded(index, learner.backbone)."
                )
            fold = x.get("fold")
            return features if fold is None else torch.cat([features, fold[:, None].to(features.dtype)], 1)
        if isinstance(x, dict) and {"pixels", "place"} <= x.keys() and self.reads is not None:
            return self._computed(x["pixels"], x["place"])
        raise ShapeError('rows are cells: {"features", "unit"}, or what learner.reads.batch(images) gives.')

    def _computed(self, pixels: Tensor, place: Tensor) -> Tensor:
        """The vectors of the cells (R, features) of whole images."""
        if is_exporting():  # a program takes any number of rows, and cells of half an image have no map
            raise LearnerError(
                "a program of cells of raw images is not exported: it would need whole images. Use quickstudy predict, or export "
                "the learner on maps that were computed before."
            )
        rows, side = place.shape[0], round((1 + int(place.max())) ** 0.5)
        count = rows // side**2
        if not torch.equal(place, torch.arange(side**2, device=place.device).repeat(max(count, 1))):
            raise ShapeError(
                f"{rows} cells are not whole images of {side**2} cells each, in order. Give all rows of each image together, as "
                "they were read."
            )
        channels, cell = pixels.shape[1:3]
        tiles = pixels.view(count, side, side, channels, cell, cell).permute(0, 3, 1, 4, 2, 5)
        images = tiles.reshape(count, channels, side * cell, side * cell)
        maps = torch.cat([self.backbone(part) for part in torch.split(images, _AT_ONCE)])
        return maps.flatten(2).transpose(1, 2).reshape(rows, -1)
