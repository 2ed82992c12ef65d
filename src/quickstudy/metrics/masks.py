"""Intersection over union of what is marked in images: foreground IoU, and the mean with that of the background.

Source: Shaban, Bansal, Liu, Essa & Boots, 2017, One-shot learning for semantic segmentation; Rakelly, Shelhamer, Darrell, Efros &
Levine, 2018, Conditional networks for few-shot semantic segmentation (foreground-background IoU).
"""

import torch
from torch import Tensor

from quickstudy.errors import LearnerError
from quickstudy.metrics.measure import measure
from quickstudy.metrics.predicted import Predicted

__all__ = ["fb_iou", "foreground_iou"]


@measure(higher_is_better=True, bounds=(0.0, 1.0))
def foreground_iou(predicted: Predicted, y: Tensor) -> float:
    """``|P ∩ T| / |P ∪ T|`` of the cells P that are predicted to be of the class and those T that are; the mean over images.

    Column 0 is background, and all others are foreground, each apart; an image counts once for each class that it has or is said
    to have. 1 where there is nothing and nothing is predicted.

    >>> from quickstudy.likelihood import Categorical
    >>> y = torch.eye(2)[torch.tensor([0, 1, 1, 0])]
    >>> said = Predicted.of(torch.eye(2)[torch.tensor([0, 1, 0, 0])], Categorical(), torch.zeros(4, dtype=torch.long))
    >>> foreground_iou(said, y), fb_iou(said, y)  # one of two cells; two of three of background
    (0.5, 0.5833333333333333)
    """
    both, either = _counts(predicted, y)
    met = either[:, 1:] > 0
    found = both[:, 1:][met] / either[:, 1:][met]
    return float(found.mean()) if len(found) else 1.0


@measure(higher_is_better=True, bounds=(0.0, 1.0))
def fb_iou(predicted: Predicted, y: Tensor) -> float:
    """The mean of the IoU of the foreground, all classes together, and of the background; the mean over images."""
    both, either = _counts(predicted, y, together=True)
    return float(torch.where(either > 0, both / either.clamp(min=1), 1.0).mean())


def _counts(predicted: Predicted, y: Tensor, *, together: bool = False) -> tuple[Tensor, Tensor]:
    """Cells in both and in either of prediction and target, of each image and class: (images, N) each.

    Raises:
        LearnerError: nothing says which cells are one image.
    """
    if predicted.unit is None:
        raise LearnerError(
            "masks are of images, but nothing says which rows belong together. Give inputs a leaf of whole numbers: "
            '{"features": …, "unit": image of each cell}.'
        )
    said, true = predicted.classes, y.argmax(1)
    classes = 2 if together else y.shape[1]
    if together:
        said, true = said.clamp(max=1), true.clamp(max=1)
    _, image = torch.unique(predicted.unit, return_inverse=True)
    said_, true_ = (torch.nn.functional.one_hot(each.long(), classes).double() for each in (said, true))
    both, either = said_ * true_, ((said_ + true_) > 0).double()
    size = int(image.max()) + 1
    return tuple(torch.zeros(size, classes, dtype=torch.float64).index_add_(0, image, each) for each in (both, either))  # type: ignore[return-value]
