"""Images of support and query sets augmented at random, anew in every task.

Source: Ni, Goldblum, Sharaf, Kong & Goldstein, 2021, Data augmentation for meta-learning (support, query and task augmentation).
"""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from quickstudy.errors import TaskError
from quickstudy.functional.counted_random import counted_uniforms
from quickstudy.task import Examples, Task
from quickstudy.tasks.augmented import Augmented
from quickstudy.tasks.image_augmentations import Erase, ImageAugmentation, Warp
from quickstudy.tasks.source import TaskSource

__all__ = ["AugmentedImages"]

_USUAL = (Warp(), Erase())


class AugmentedImages(Augmented):
    """Tasks of another source whose images are changed; for meta-training, evaluate on the plain source.

    The changes of an image depend on its task's seed, which the plan holds, and on its place in the task: a run resumes bit for
    bit, and a task is the same in any chunk or process. Targets and masks stay as they are.

    Args:
        source: of tasks whose inputs are images (C, H, W).
        support: changes of support images, one after another; none leaves them as they are.
        query: changes of query images.

    Raises:
        TaskError: (when tasks are gathered) inputs that are no images.

    >>> import torch
    >>> from quickstudy.datasets.arrays import from_arrays
    >>> from quickstudy.tasks.few_shot import FewShot
    >>> plain = FewShot(from_arrays(torch.rand(60, 1, 8, 8), torch.arange(60) % 6), queries=3)
    >>> source = AugmentedImages(plain, query=())
    >>> plan = source.plan(2, torch.Generator().manual_seed(0))
    >>> a, b = source.gather(plan), plain.gather(plan.plans[0])
    >>> torch.equal(a.query.x, b.query.x), torch.equal(a.support.x, b.support.x), torch.equal(a.support.y, b.support.y)
    (True, False, True)
    """

    def __init__(
        self,
        source: TaskSource[Any],
        *,
        support: Sequence[ImageAugmentation] = _USUAL,
        query: Sequence[ImageAugmentation] = _USUAL,
    ) -> None:
        super().__init__(source, "images changed")
        self.support, self.query = tuple(support), tuple(query)
        self.index = getattr(source, "index", None)

    def changed(self, drawn: list[Task], seeds: Tensor) -> Task:
        sides = ((drawn[0].support, self.support, 0), (drawn[0].query, self.query, 1))
        return Task(*[_changed(side, changes, seeds, stream) for side, changes, stream in sides])


def _changed(side: Examples, changes: Sequence[ImageAugmentation], seeds: Tensor, stream: int) -> Examples:
    """Images (B, S, C, H, W) as one batch."""
    if not changes or not side.mask.shape[1]:
        return side
    if not isinstance(side.x, Tensor) or side.x.ndim != 5 or not side.x.is_floating_point():
        raise TaskError("only images (channels, height, width) can be changed like images. Give a source of images.")
    x, first = side.x.flatten(0, 1), 0
    shape = (side.x.shape[1], sum(change.numbers for change in changes))
    every = counted_uniforms(seeds, shape, stream).to(x.dtype).flatten(0, 1)
    for change in changes:
        x = change(x, every[:, first : first + change.numbers])
        first += change.numbers
    return side.replace(x.view_as(side.x))
