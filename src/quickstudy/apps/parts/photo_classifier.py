"""A network trained as a classifier of the meta-training classes: where meta-training from scratch starts, and its baselines."""

import contextlib
import copy
import hashlib
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import nn
from torch.optim import Adam

from quickstudy.datasets.class_index import ClassIndex
from quickstudy.datasets.fetch import cache_folder
from quickstudy.errors import UserError
from quickstudy.learners.baselines.fine_tune import FineTune
from quickstudy.nn.conv4 import Conv4
from quickstudy.recipes.parts.recipe import one_cycle
from quickstudy.storage.files import write_whole
from quickstudy.tasks.augmented_images import AugmentedImages
from quickstudy.tasks.supervised import Supervised
from quickstudy.train import train

__all__ = ["EXAMPLES", "classifier", "features_of"]

EXAMPLES = 60
"""Images of a mini-batch."""

_LR = 3e-3
_AT_ONCE = 500
_VERSION = 1
"""Raised when the training changes, so that kept weights are not used again."""


def classifier(index: ClassIndex, first: Conv4, steps: int, digest: str) -> Conv4:
    """A copy of a network, trained by Adam as a classifier of all classes on augmented images, and kept in the cache.

    Args:
        index: images of the meta-training classes.
        first: the network with its first weights.
        steps: mini-batches of 60 images.
        digest: of the data.
    """
    network = copy.deepcopy(first)
    path = cache_folder() / "classifiers" / f"{_key(index, first, steps, digest)}.safetensors"
    with contextlib.suppress(OSError, SafetensorError, RuntimeError):  # not there, or damaged: made again
        network.load_state_dict(load(path.read_bytes()))
        return network.eval()
    network = copy.deepcopy(first)
    _trained(network, index, steps)
    with contextlib.suppress(UserError):  # a cache that cannot be written costs time alone
        write_whole(path, save({name: part.contiguous() for name, part in network.state_dict().items()}))
    return network.eval()


def _key(index: ClassIndex, first: Conv4, steps: int, digest: str) -> str:
    weights = b"".join(part.numpy().tobytes() for part in first.state_dict().values())
    call = f"{_VERSION} {torch.__version__} {digest} {index.name} {len(index)} {index.classes} {steps} {_LR} {EXAMPLES}"
    return hashlib.sha256(call.encode() + weights).hexdigest()[:24]


def _trained(network: Any, index: ClassIndex, steps: int) -> None:
    learner = FineTune(network, features=network.features, classes=len(index.classes))
    nn.init.zeros_(learner.head.weight)
    nn.init.zeros_(learner.head.bias)
    optimizer = Adam(learner.parameters(), _LR)
    schedule, source = one_cycle(optimizer, steps), AugmentedImages(Supervised(index, EXAMPLES))
    for _ in train(learner, source, steps=steps, batch=1, optimizer=optimizer, schedule=schedule, clip=10.0):
        pass


def features_of(index: ClassIndex, network: nn.Module) -> ClassIndex:
    """The same classes with a network's features for rows, computed at once and not kept."""
    with torch.no_grad():
        parts = [network(index.gather(rows)).flatten(1) for rows in torch.split(torch.arange(len(index)), _AT_ONCE)]
    return ClassIndex(torch.cat(parts), index.labels, index.classes, index.name)
