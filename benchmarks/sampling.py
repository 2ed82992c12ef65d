"""W5: sampling 5-way 1-shot 15-query tasks of Omniglot's size from memory, 40 at a time.

The floor is a batch of tasks as one draws it by hand in PyTorch from images kept as bytes, without masks, plans or checks.

    python benchmarks/sampling.py --json sampling.json
"""

import torch
from peers_few_shot import easyfsl_tasks
from timing import Row, Variant, arguments, report, take_turns
from torch import Tensor

from quickstudy.datasets.arrays import from_arrays
from quickstudy.tasks.few_shot import FewShot

CLASSES, ROWS, WAYS, SHOTS, QUERIES, BATCH = 4112, 20, 5, 1, 15, 40


def bare(images: Tensor) -> tuple[Tensor, Tensor]:
    """Classes by random order, rows of each by random order, one gather, one-hot targets."""
    classes = torch.rand(BATCH, CLASSES).topk(WAYS, 1).indices
    rows = torch.rand(BATCH, WAYS, ROWS).argsort(-1)[..., : SHOTS + QUERIES]
    x = images[classes[..., None] * ROWS + rows].float() / 255
    y = torch.eye(WAYS)[:, None].expand(BATCH, WAYS, SHOTS + QUERIES, WAYS)
    return x, y


def rows(rounds: int) -> list[Row]:
    images = torch.randint(0, 256, (CLASSES * ROWS, 1, 28, 28), dtype=torch.uint8)
    labels = torch.arange(CLASSES).repeat_interleave(ROWS)
    source = FewShot(from_arrays(images, labels), WAYS, SHOTS, QUERIES)
    variants = [
        Variant("batched indexing of bytes", lambda: bare(images)),
        Variant("quickstudy FewShot.sample", lambda: source.sample(BATCH)),
        Variant("of it the plan alone", lambda: source.plan(BATCH)),
    ]
    loader = easyfsl_tasks(images, labels, WAYS, SHOTS, QUERIES, BATCH, lambda x: x.float() / 255)
    if loader is not None:
        variants.append(Variant("easyfsl", lambda: list(loader)))
    return take_turns(f"W5 {BATCH} tasks", variants, rounds, calls=5)


if __name__ == "__main__":
    asked = arguments(__doc__, rounds=30)
    report(rows(asked.rounds), asked.json)
