"""A network trained as a classifier of the meta-training classes: where meta-training from scratch starts, and its baselines."""

import copy
import hashlib
from typing import Any

import torch
from torch import nn
from torch.optim import Adam

from quickstudy.datasets.class_index import ClassIndex
from quickstudy.learners.baselines.fine_tune import FineTune
from quickstudy.nn.conv4 import Conv4
from quickstudy.recipes.parts.recipe import one_cycle
from quickstudy.tasks.augmented_images import AugmentedImages
from quickstudy.tasks.supervised import Supervised
from quickstudy.train import train

__all__ = ["EXAMPLES", "classifier", "features_of"]

EXAMPLES = 60
"""Images of a mini-batch."""

_LR = 3e-3
_MOST = 8
_AT_ONCE = 500
_KEPT: dict[str, Conv4] = {}
"""The last ones, by their data, first weights and steps: trainings, controls and baselines share them."""


def classifier(index: ClassIndex, first: Conv4, steps: int, digest: str) -> Conv4:
    """A copy of a network, trained by Adam as a classifier of all classes, on augmented images.

    Args:
        index: images of the meta-training classes.
        first: the network with its first weights.
        steps: mini-batches of 60 images.
        digest: of the data.
    """
    weights = hashlib.sha256(b"".join(part.numpy().tobytes() for part in first.state_dict().values())).hexdigest()
    key = f"{digest} {index.name} {len(index)} {steps} {weights}"
    if key not in _KEPT:
        network: Any = copy.deepcopy(first)
        learner = FineTune(network, features=network.features, classes=len(index.classes))
        nn.init.zeros_(learner.head.weight)
        nn.init.zeros_(learner.head.bias)
        optimizer = Adam(learner.parameters(), _LR)
        schedule, source = one_cycle(optimizer, steps), AugmentedImages(Supervised(index, EXAMPLES))
        for _ in train(learner, source, steps=steps, batch=1, optimizer=optimizer, schedule=schedule, clip=10.0):
            pass
        while len(_KEPT) >= _MOST:
            _KEPT.pop(next(iter(_KEPT)))
        _KEPT[key] = network.eval()
    return copy.deepcopy(_KEPT[key])


def features_of(index: ClassIndex, network: nn.Module) -> ClassIndex:
    """The same classes with a network's features for rows, computed at once and not kept."""
    with torch.no_grad():
        parts = [network(index.gather(rows)).flatten(1) for rows in torch.arange(len(index)).split(_AT_ONCE)]
    return ClassIndex(torch.cat(parts), index.labels, index.classes, index.name)
