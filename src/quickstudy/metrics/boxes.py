"""Average precision of boxes that are found in images, as COCO defines it: at an overlap of 0.5, and the mean over ten.

Sources: Everingham, Van Gool, Williams, Winn & Zisserman, 2010, The PASCAL visual object classes challenge; Lin et al., 2014,
Microsoft COCO: common objects in context (101 recalls, ten overlaps, ignored boxes).
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from quickstudy.errors import LearnerError
from quickstudy.functional.boxes import TrueBoxes, overlaps, suppressed
from quickstudy.metrics.measure import Measure
from quickstudy.metrics.predicted import Predicted

__all__ = ["COCO_OVERLAPS", "average_precision", "box_precision", "matched"]

COCO_OVERLAPS = tuple(round(0.5 + 0.05 * place, 2) for place in range(10))
"""0.5, 0.55, …, 0.95."""

_RECALLS = np.linspace(0, 1, 101)


def matched(boxes: Tensor, true: TrueBoxes, overlap: float) -> list[bool | None]:
    """Whether each found box, best first, is right; None where it meets a box that is ignored.

    A found box takes the true one that it overlaps most, and at least by ``overlap``, of those that no better one has taken;
    only where there is none, one that is ignored.

    >>> no = torch.tensor([False])
    >>> true = TrueBoxes(torch.tensor([[0.0, 0.0, 0.5, 1.0]]), ignored=no, groups=no)
    >>> matched(torch.tensor([[0.0, 0.0, 0.4, 1.0], [0.0, 0.0, 0.5, 1.0]]), true, 0.5)
    [True, False]
    """
    return _right(overlaps(boxes, true).numpy(), true.ignored.numpy(), overlap)


def _right(found: NDArray[np.float32], ignored: NDArray[np.bool_], overlap: float) -> list[bool | None]:
    """As `matched`, from overlaps (found boxes, true boxes)."""
    free = ~ignored
    said: list[bool | None] = []
    for row, fits in zip(found, found >= overlap, strict=True):
        best = np.where(free & fits, row, -1.0)
        if len(best) and best.max() >= 0:
            free[best.argmax()] = False
            said.append(True)
        else:
            said.append(None if bool((ignored & fits).any()) else False)
    return said


def average_precision(scores: Sequence[float] | NDArray[np.float64], right: Sequence[bool], there: int) -> float:
    """The mean over the recalls 0, 0.01, …, 1 of the best precision at that recall or a higher one; 0 where it is not reached.

    Args:
        scores: of the boxes that were found, in all images together.
        right: whether each is right.
        there: boxes that should be found.

    Returns:
        NaN where there are none to be found.

    >>> round(average_precision([0.9, 0.8, 0.7], [True, False, True], there=2), 4)  # precision 1 until recall 0.5, then 2/3
    0.835
    """
    if not there:
        return float("nan")
    order = np.argsort(-np.asarray(scores, dtype=np.float64), kind="mergesort")
    hits = np.asarray(right, dtype=bool)[order].cumsum()
    recall, precision = hits / there, hits / np.arange(1, len(hits) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    places = np.searchsorted(recall, _RECALLS, side="left")
    return float(np.where(places < len(best), np.append(best, 0.0)[np.minimum(places, len(best))], 0.0).mean())


def box_precision(
    windows: Tensor,
    truth: Callable[[int], TrueBoxes],
    *,
    at: Sequence[float] = (0.5,),
    suppress: float = 0.4,
    most: int = 60,
    name: str = "AP50",
) -> Measure:
    """Average precision of the windows that a task's queries score highest, all its images together.

    Rows of equal ``unit`` are the windows of one image, in order; their score is the log-odds of the second class. The worse
    of two that overlap is left out (`functional.boxes.suppressed`).

    Args:
        windows: of an image, (windows, 4).
        truth: the boxes that should be found in a unit.
        at: overlaps from which on a window is right; the mean over them (`COCO_OVERLAPS`: COCO's AP).
        suppress: overlap above which the worse window is left out.
        most: only so many of an image, the best, are taken.
        name: of the metric.

    Returns:
        A metric; NaN for a task without boxes to be found.
    """

    def precision(predicted: Predicted, y: Tensor) -> float:
        if predicted.unit is None or len(y) % len(windows):
            raise LearnerError(
                f"boxes are of images: a task's rows must be all {len(windows)} windows of each, in order, with the image's "
                'number in a leaf "unit" of inputs.'
            )
        sure = _log_odds(predicted).view(-1, len(windows))
        units = predicted.unit.view(-1, len(windows))
        if not bool((units == units[:, :1]).all()):
            raise LearnerError("the windows of an image do not stand together. Give the rows of each image in order.")
        kept = [suppressed(windows, each, overlap=suppress, most=most) for each in sure]
        true = [truth(int(unit)) for unit in units[:, 0]]
        pairs = [(overlaps(windows[chosen], each).numpy(), each.ignored.numpy()) for chosen, each in zip(kept, true, strict=True)]
        scored = [scores[chosen].tolist() for chosen, scores in zip(kept, sure, strict=True)]
        there = sum(int((~each.ignored).sum()) for each in true)
        found = []
        for overlap in at:
            said = [_right(*pair, overlap) for pair in pairs]
            counted = [
                (score, right)
                for of_image, scores in zip(said, scored, strict=True)
                for right, score in zip(of_image, scores, strict=True)
                if right is not None
            ]
            found.append(average_precision([score for score, _ in counted], [right for _, right in counted], there))
        return float(np.mean(found))

    precision.__name__ = name
    return Measure(precision, higher_is_better=True, bounds=(0.0, 1.0))


def _log_odds(predicted: Predicted) -> Tensor:
    """Of the second class, from outputs that are logits, or from any scores of two classes."""
    scores = predicted.outputs
    if scores.ndim != 2 or scores.shape[1] != 2:
        raise LearnerError(f"windows are of two classes, background and the thing; the outputs have shape {tuple(scores.shape)}.")
    return (scores[:, 1] - scores[:, 0]).to(torch.float64)
