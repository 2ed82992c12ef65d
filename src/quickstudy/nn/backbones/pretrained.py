"""A pretrained backbone as a module that is recorded by its name and the hash of its weights."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from quickstudy.errors import ArtefactError, LearnerError
from quickstudy.inputs.cells import Cells
from quickstudy.inputs.images import Images
from quickstudy.inputs.kind import InputKind
from quickstudy.inputs.sentences import Sentences
from quickstudy.inputs.wordpiece import WordPieces
from quickstudy.nn.backbones.libraries import in_library
from quickstudy.nn.backbones.weights import PACKAGED, Weights, hash_of
from quickstudy.nn.named_weights import NamedWeights
from quickstudy.storage.blueprint import Recorded
from quickstudy.storage.budget import unbudgeted

__all__ = ["Pretrained", "known_weights"]


def known_weights(name: str) -> Weights:
    """What is known of a pretrained backbone; weights are neither read nor fetched.

    Raises:
        LearnerError: there is no pretrained backbone of that name.
        MissingExtra: its library is not installed.
    """
    if name in PACKAGED:
        return PACKAGED[name]
    found = in_library(name)
    if found is None:
        raise LearnerError(f"there is no pretrained backbone {name!r}. There are: {', '.join(PACKAGED)}.")
    return found


class Pretrained(Recorded, NamedWeights):
    """A network with weights from an installed package or library.

    Within `nn.Frozen` it is left out of ``state_dict``: files name it by name and hash, and are refused where other weights are
    found. Otherwise it is a network like others, whose weights train and are saved.

    Args:
        name: of the backbone, see `nn.backbones.names`.
        sha256: of the weights' file, which must have that hash; empty: the file that is found is taken, and its hash remembered.
        size: of the square images, or the most tokens of a text or a sentence; None: the backbone's usual one.
        whole: build the network alone: weights come from the file that it is saved in.

    Raises:
        MissingExtra: the package with the weights is not installed.
        ArtefactError: the weights found here have another hash.

    Shapes:
        images (examples, 3, size, size) in [0, 1], or token numbers (examples, tokens) -> (examples, features);
        sentences as `WordStates` takes them -> (examples, words, features); images for maps -> (examples, features, side, side)
    """

    def __init__(self, name: str, sha256: str, *, size: int | None = None, whole: bool = False) -> None:
        super().__init__()
        known = known_weights(name)
        self.name, self.sha256, self.whole = name, sha256, whole
        self.kind, self.side = known.reads, size or known.size
        if whole:
            self.network = known.network()
        else:
            self.network = _filled(known, sha256)
            self.sha256 = sha256 or hash_of(known.find(False))
        self.features = known.features or _features(self.network)
        for part, values in (("mean", known.mean), ("deviation", known.deviation)):
            self.register_buffer(part, torch.tensor(values).view(-1, 1, 1) if values else None, persistent=False)

    @property
    def reads(self) -> InputKind | None:
        """How a photo or a text becomes an input of it; None where the tokenizer is another library's."""
        if self.kind == "images":
            return Images((self.side, self.side), channels=3, strokes=False)
        if self.kind == "cells":
            return Cells(self.side)
        if self.kind == "sentences":
            return Sentences(self.side)
        return WordPieces(self.side) if self.name in PACKAGED else None

    def leave_out(self) -> None:
        """From now on the weights stand in no ``state_dict``, unless they came from a file of ours."""
        self.left_out = not self.whole

    def forward(self, x: Any) -> Tensor:
        if self.mean is not None:
            x = (x - self.mean) / self.deviation
        features: Tensor = self.network(x)
        return features

    def check_unchanged(self) -> None:
        """Compares the weights with their file."""
        known = known_weights(self.name)
        there = known.tensors(_checked(known, self.sha256))
        for name, tensor in self.network.state_dict().items():
            if tensor.dtype != there[name].dtype or not torch.equal(tensor.cpu(), there[name]):
                raise ArtefactError(
                    f"the frozen backbone {self.name} no longer has the weights of its name ({name} differs), so that a file "
                    "without them would answer otherwise. Save it with them: save(..., whole=True)."
                )

    def extra_repr(self) -> str:
        return f"{self.name!r}, sha256={self.sha256[:12]}…, size={self.side}"


def _features(network: Any) -> int:
    return int(network.num_features)


def _filled(known: Weights, sha256: str) -> nn.Module:
    """The network with the weights of the file that has the hash."""
    path = _checked(known, sha256)
    with unbudgeted():
        tensors = known.tensors(path)
        with torch.device("meta" if known.name in PACKAGED else "cpu"):  # ours need no first weights
            network = known.network()
        needed = list(network.state_dict())
        missing = [name for name in needed if name not in tensors]
        if missing:
            raise ArtefactError(f"the weights of {known.name} lack {', '.join(missing[:3])}. Install the library that made them.")
        network.load_state_dict({name: tensors[name] for name in needed}, assign=True)
    return network


def _checked(known: Weights, sha256: str) -> Path:
    """The file of the weights, which has the hash that is wanted."""
    path = known.find(False)
    for wanted in filter(None, (sha256, known.sha256)):
        found = hash_of(path)
        if found != wanted:
            raise ArtefactError(
                f"{path} holds other weights of {known.name} (sha256 {found[:12]}…) than are needed here ({wanted[:12]}…). "
                "Install the version of the package that has them, or use a file that was saved with whole=True."
            )
    return path
