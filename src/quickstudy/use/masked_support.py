"""Images with masks of one's own as a support set of cells."""

from pathlib import Path
from typing import Any

import torch

from quickstudy.datasets.mask_folder import read_masked, shares
from quickstudy.errors import DataError, LearnerError
from quickstudy.inputs.cells import Cells
from quickstudy.learner import Learner
from quickstudy.task import Examples

__all__ = ["BACKGROUND", "masked_support"]

BACKGROUND = "background"
"""The first class of every predictor of cells: cells that are not of the class."""

_HALF = 0.5


def masked_support(path: str | Path, learner: Learner[Any]) -> tuple[Examples, tuple[str, ...], list[str]]:
    """The cells of images with masks as a support set, the names of its two classes, and the place of each cell.

    Args:
        path: a folder (or a ZIP) of images with masks beside them, ``1.jpg`` and ``1_mask.png``, or with one class folder of
            them; the folder names the class. See `datasets.mask_folder`.
        learner: which reads cells.

    Raises:
        DataError: what is wrong with the files; a mask that marks less than half of any cell; masks of several classes.
        LearnerError: the learner reads no cells.
    """
    reads = learner.reads
    if not isinstance(reads, Cells):
        raise LearnerError(f"this {type(learner).__name__} reads no cells of images.")
    found = list(read_masked(path, label=Path(path).resolve().name.removesuffix(".zip")))
    classes = sorted({each.label for each in found})
    if len(classes) > 1:
        raise DataError(
            f"{path} has masks of {len(classes)} classes ({', '.join(classes[:3])}), and a predictor marks one. Adapt to each: "
            f"give {path}/{classes[0]}."
        )
    if classes[0] == BACKGROUND:
        raise DataError(f'{path}: the class is called "{BACKGROUND}", which is the name of what is not marked. Rename it.')
    masks = [shares(each.mask, reads.side) > _HALF for each in found]
    for each, mask in zip(found, masks, strict=True):
        if not mask.any() or mask.all():
            few = "fills no cell" if not mask.any() else "leaves no cell free"
            raise DataError(
                f"the mask of {each.place} {few} of the {reads.side}×{reads.side} cells that an image is cut into. Give an image "
                "in which the class is larger, or cut it out with some background around it."
            )
    x = reads.batch([each.image for each in found])
    places = [f"{each.place} cell {cell + 1}" for each in found for cell in range(reads.side**2)]
    return Examples.of(x, torch.stack(masks).flatten().long(), 2), (BACKGROUND, classes[0]), places
