"""Detection tasks: a class, images in which its things are boxed, and windows of further images that are on one or not."""

import hashlib
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from quickstudy.borders.arguments import span, spelled, whole
from quickstudy.datasets.boxed_images import BoxedImages
from quickstudy.errors import TaskError
from quickstudy.likelihood import Categorical
from quickstudy.task import Inputs, Task
from quickstudy.tasks.row_plan import RowPlan, task_of
from quickstudy.tasks.row_source import RowSource
from quickstudy.tasks.unit_rows import apart, padded

__all__ = ["Detecting"]


class Detecting(RowSource[RowPlan]):
    """Tasks of one class: a row is a window; column 0 is background, column 1 the class.

    The support set has the true boxes of its images, the windows that overlap one by half or more, and as many others as
    ``others`` says; windows that overlap one a little are left out. The query set has all windows of its images in order, so
    that boxes can be found among them (`metrics.box_precision`), or for meta-training only some. The leaf ``unit`` of inputs
    says which image and class a window is of (`BoxedImages.unit`).

    Source: Kang, Liu, Wang, Yu, Feng & Darrell, 2019, Few-shot object detection via feature reweighting (the problem).

    Args:
        images: windows and boxes.
        shots: support images, or a range ``(low, high)`` from which each task draws.
        queries: further images with the class, at most; two at least.
        without: query images without the class.
        others: windows of each support image that are not of the class, at random.
        windows: of each query image only so many that are not of the class, for meta-training; 0 takes all, and those between.

    Raises:
        TaskError: no class has images for shots and two queries.

    >>> from quickstudy.datasets.boxed_images import ImageBoxes
    >>> boxes = ImageBoxes(torch.tensor([[0.0, 0.0, 1.0, 0.9]]), torch.tensor([0]), torch.tensor([False]))
    >>> windows = torch.tensor([[0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 0.2, 0.2]])
    >>> images = BoxedImages({"features": torch.randn(12, 4)}, windows, (boxes,) * 4, ("cup",), "data")
    >>> task = Detecting(images, shots=1, queries=3, without=0).sample(2)
    >>> task.support.y.shape, task.query.y[0, :, 1].tolist()
    (torch.Size([2, 3, 2]), [1.0, 0.0, 1.0, 0.0, 1.0, 0.0])
    """

    likelihood = Categorical()

    def __init__(
        self,
        images: BoxedImages,
        shots: int | tuple[int, int] = 1,
        queries: int = 5,
        without: int = 2,
        *,
        others: int = 50,
        windows: int = 0,
    ) -> None:
        whole(TaskError, least=2, queries=queries)
        whole(TaskError, others=others)
        whole(TaskError, least=0, without=without, windows=windows)
        self.images, self.queries, self.without, self.others, self.windows = images, queries, without, others, windows
        self.shots = span(TaskError, shots=shots)
        self.name = f"{images.name} {spelled(self.shots)}-shot {queries}+{without} queries, {others} others"
        self.name += f", {windows} windows" if windows else ""
        self.usable = [label for label, having in enumerate(images.having) if len(having) >= self.shots[1] + 2]
        if not self.usable:
            most = max((len(having) for having in images.having), default=0)
            raise TaskError(
                f"{images.name} has at most {most} images of a class, but shots + 2 queries need {self.shots[1] + 2}. Lower it."
            )

    @property
    def data(self) -> BoxedImages:
        return self.images

    def digest(self, plan: RowPlan) -> str:
        """Of the plan, and of all boxes."""
        found = hashlib.sha256(f"{self.name}:{plan.digest()}:{self.images.classes}".encode())
        for each in self.images.images:
            found.update(each.boxes.numpy().tobytes() + each.labels.numpy().tobytes())
        return found.hexdigest()[:16]

    def plan(self, batch: int, generator: torch.Generator | None = None) -> RowPlan:
        classes = torch.tensor(self.usable)[torch.randint(len(self.usable), (batch,), generator=generator)]
        low, high = self.shots
        shots = torch.randint(low, high + 1, (batch,), generator=generator).tolist()
        seeds = torch.randint(2**31, (batch,), generator=generator).tolist()
        support: tuple[list[Tensor], list[Tensor]] = ([], [])
        queries: tuple[list[Tensor], list[Tensor]] = ([], [])
        for label, k, seed in zip(classes.tolist(), shots, seeds, strict=True):
            rng = np.random.default_rng(seed)
            order = rng.permutation(self.images.having[label].numpy())
            lacking = rng.permutation(self.images.lacking[label].numpy())[: self.without]
            asked = [*order[k : k + self.queries], *lacking]
            parts = [self.shown(int(image), label, rng) for image in order[:k]], [self.asked(int(i), label, rng) for i in asked]
            for side, found in zip((support, queries), parts, strict=True):
                side[0].append(torch.cat([rows for rows, _ in found]))
                side[1].append(torch.cat([columns for _, columns in found]))
        return RowPlan(*padded(*support), *padded(*queries), torch.stack([torch.full_like(classes, -1), classes], 1))

    def arrange(self, plan: RowPlan, gather: Callable[[Tensor], Inputs]) -> Task:
        found = task_of(plan, gather)
        label = plan.classes[:, 1:]
        sides = []
        for side in (found.support, found.query):
            if isinstance(side.x, dict) and "unit" in side.x:
                side = side.replace(side.x | {"unit": self.images.unit(side.x["unit"], label)})
            sides.append(apart(side))
        return Task(*sides)

    def shown(self, image: int, label: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Rows of a support image, and their columns."""
        boxes = self.images.rows_of_boxes(image, label)
        rows, columns = self._some(image, label, rng, self.others)
        return torch.cat([boxes, rows]), torch.cat([torch.ones_like(boxes), columns])

    def asked(self, image: int, label: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Rows of a query image, and their columns."""
        if self.windows:
            return self._some(image, label, rng, self.windows)
        start = image * len(self.images.windows)
        return start + torch.arange(len(self.images.windows)), self.images.labels(image, label).clamp(min=0)

    def _some(self, image: int, label: int, rng: np.random.Generator, most: int) -> tuple[Tensor, Tensor]:
        """Windows that are of the class, and some that are not."""
        labels = self.images.labels(image, label)
        others = torch.from_numpy(rng.permutation(torch.where(labels == 0)[0].numpy())[:most])
        rows = torch.cat([torch.where(labels == 1)[0], others])
        return image * len(self.images.windows) + rows, labels[rows]
