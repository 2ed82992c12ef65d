"""Segmentation tasks: a class, and images in which its cells are marked."""

import hashlib
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from quickstudy.borders.arguments import span, spelled, whole
from quickstudy.datasets.masked_images import MaskedImages
from quickstudy.errors import TaskError
from quickstudy.inputs.kind import InputKind
from quickstudy.likelihood import Categorical
from quickstudy.task import Inputs, Task
from quickstudy.tasks.row_plan import RowPlan, task_of
from quickstudy.tasks.row_source import RowSource
from quickstudy.tasks.unit_rows import apart, padded

__all__ = ["Segmenting"]


class Segmenting(RowSource[RowPlan]):
    """Tasks of one class: a row is a cell of an image, and which cells are one image says the leaf ``unit`` of inputs.

    Column 0 is background, column 1 the class, always: tasks are told apart by the class, not by the columns. Images of one
    group (parts of one photo) never are on both sides of a task, nor is an image there twice.

    Source: Shaban, Bansal, Liu, Essa & Boots, 2017, One-shot learning for semantic segmentation.

    Args:
        images: maps and masks.
        shots: support images, or a range ``(low, high)`` from which each task draws.
        queries: further images.
        cells: of each image only so many, at random, but one of the class and one of background, for meta-training; 0 takes all.

    Raises:
        TaskError: a class with fewer images than shots and queries.

    >>> from quickstudy.datasets.class_index import ClassIndex
    >>> maps = ClassIndex(torch.zeros(8, 5, 2, 2), torch.arange(8) % 2, ("cup", "fork"))
    >>> task = Segmenting(MaskedImages(maps, torch.eye(2, dtype=torch.bool).expand(8, 2, 2)), shots=2).sample(3)
    >>> task.support.y.shape, task.query.x["unit"].shape
    (torch.Size([3, 8, 2]), torch.Size([3, 8]))
    """

    likelihood = Categorical()

    def __init__(self, images: MaskedImages, shots: int | tuple[int, int] = 1, queries: int = 2, *, cells: int = 0) -> None:
        whole(TaskError, queries=queries)
        if cells:
            whole(TaskError, least=2, cells=cells)
        self.images, self.queries, self.cells = images, queries, cells
        self.shots = span(TaskError, shots=shots)
        self.name = f"{images.name} {spelled(self.shots)}-shot {queries} queries" + (f", {cells} cells" if cells else "")
        for label, groups in zip(images.classes, images.having, strict=True):
            if len(groups) < self.shots[1] + queries:
                raise TaskError(
                    f'class "{label}" of {images.name} has {len(groups)} images, but shots + queries need '
                    f"{self.shots[1] + queries}. Lower shots or queries, or leave the class out (frequent)."
                )

    @property
    def reads(self) -> InputKind | None:
        return self.images.reads

    @property
    def data(self) -> MaskedImages:
        return self.images

    def digest(self, plan: RowPlan) -> str:
        """Of the plan, and of the masks of its images."""
        rows = torch.cat([self.planned_rows(plan).flatten(), torch.zeros(1, dtype=torch.long)])
        masks = self.images.masks[torch.unique(rows // self.images.cells)]
        found = hashlib.sha256(f"{self.name}:{plan.digest()}:{self.images.classes}".encode())
        found.update(masks.numpy().tobytes())
        return found.hexdigest()[:16]

    def plan(self, batch: int, generator: torch.Generator | None = None) -> RowPlan:
        classes = torch.randint(len(self.images.classes), (batch,), generator=generator)
        low, high = self.shots
        shots = torch.randint(low, high + 1, (batch,), generator=generator).tolist()
        seeds = torch.randint(2**31, (batch,), generator=generator).tolist()
        support, queries = [], []
        for label, k, seed in zip(classes.tolist(), shots, seeds, strict=True):
            rng = np.random.default_rng(seed)
            groups = rng.permutation(len(self.images.having[label]))[: k + self.queries]
            chosen = [int(rng.choice(self.images.having[label][group])) for group in groups]
            support.append(self._rows(chosen[:k], rng))
            queries.append(self._rows(chosen[k:], rng))
        sides = [padded(rows, [self.images.marked[each].long() for each in rows]) for rows in (support, queries)]
        return RowPlan(*sides[0], *sides[1], torch.stack([torch.full_like(classes, -1), classes], 1))

    def arrange(self, plan: RowPlan, gather: Callable[[Tensor], Inputs]) -> Task:
        found = task_of(plan, gather)
        return Task(*[apart(side) for side in (found.support, found.query)])

    def _rows(self, images: list[int], rng: np.random.Generator) -> Tensor:
        """Cells of images, all of them or some."""
        size = self.images.cells
        parts = []
        for image in images:
            chosen = np.arange(size)
            if 0 < self.cells < size:
                marked = self.images.masks[image].flatten().numpy()
                first = [rng.choice(np.flatnonzero(marked == side)) for side in (False, True)]
                chosen = np.array(list(dict.fromkeys([*first, *rng.permutation(size)]))[: self.cells])
            parts.append(image * size + chosen)
        return torch.from_numpy(np.concatenate(parts))
