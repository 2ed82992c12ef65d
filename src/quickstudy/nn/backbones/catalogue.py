"""Backbones by name: one explicit function each, and the list of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from torch import nn

from quickstudy.borders.signatures import checked
from quickstudy.errors import ArgumentError, nearest
from quickstudy.nn.backbones.item_set import ItemSet
from quickstudy.nn.backbones.libraries import LIBRARIES
from quickstudy.nn.backbones.pretrained import Pretrained, known_weights
from quickstudy.nn.backbones.resnet12 import ResNet12
from quickstudy.nn.backbones.token_transformer import TokenTransformer
from quickstudy.nn.backbones.weights import hash_of
from quickstudy.nn.conv4 import Conv4
from quickstudy.nn.frozen import Frozen
from quickstudy.nn.mlp import MLP

__all__ = ["BACKBONES", "Backbone", "build", "describe", "names"]


def _conv4(*, channels: int = 3, size: int = 84, hidden: int = 64) -> nn.Module:
    """Four convolution blocks, the usual small network of the few-shot papers."""
    return Conv4(channels, hidden, size=size)


def _resnet12(*, channels: int = 3, widths: Sequence[int] = (64, 160, 320, 640), drop: float = 0.0) -> nn.Module:
    """ResNet-12, the larger network of the few-shot papers."""
    return ResNet12(channels, widths, drop=drop)


def _mlp(*, inputs: int, hidden: Sequence[int] = (64, 64), norm: bool = False) -> nn.Module:
    """A multi-layer perceptron on flattened inputs."""
    return MLP(inputs, hidden, norm=norm)


def _item_set(*, inputs: int, hidden: Sequence[int] = (64, 64)) -> nn.Module:
    """Deep sets, where each example is a set of vectors in any order."""
    return ItemSet(inputs, hidden)


def _text(*, vocabulary: int = 30522, width: int = 128, depth: int = 1, positions: int = 128) -> nn.Module:
    """A small transformer over token numbers; depth=0, positions=0 is a bag of n-grams."""
    return TokenTransformer(vocabulary, width, depth=depth, hidden=2 * width, positions=positions)


def _efficientnet_lite0(*, weights: Literal["frozen", "tuned"] = "frozen", size: int = 128, maps: bool = False) -> nn.Module:
    """EfficientNet-Lite0 trained on ImageNet: 3.4 million weights, 1,280 features; for photos; maps: 504 of each cell."""
    return _pretrained("efficientnet-grid" if maps else "efficientnet-lite0", weights=weights, size=size)


def _efficientnet_maps(*, weights: Literal["frozen", "tuned"] = "frozen", size: int = 128) -> nn.Module:
    """The middle of EfficientNet-Lite0 with statistics of colour, 391 features; for images unlike photos."""
    return _pretrained("efficientnet-maps", weights=weights, size=size)


def _minilm(*, weights: Literal["frozen", "tuned"] = "frozen", length: int = 128, tokens: bool = False) -> nn.Module:
    """all-MiniLM-L6-v2 with weights of 8 bits: 22.6 million weights, 384 features; tokens: 768 of each word."""
    return _pretrained("minilm-words" if tokens else "minilm", weights=weights, size=length)


def _pretrained(name: str, *, weights: Literal["frozen", "tuned"] = "frozen", size: int | None = None) -> nn.Module:
    """A pretrained backbone as it is found on this machine, fetched by its library if need be."""
    known = known_weights(name)
    network = Pretrained(name, hash_of(known.find(True)), size=size)
    return Frozen(network) if weights == "frozen" else network


@dataclass(frozen=True)
class Backbone:
    """What is known of a backbone.

    Args:
        name: by which it is built.
        reads: what its inputs are: images, texts (as token numbers), numbers, or sets of vectors.
        make: the function that builds it; its keyword arguments are the settings.
        extra: of quickstudy, that brings the weights; empty where it is trained from scratch.
        licence: of the weights.
    """

    name: str
    reads: Literal["images", "texts", "numbers", "sets"]
    make: Callable[..., nn.Module]
    extra: str = ""
    licence: str = ""

    @property
    def summary(self) -> str:
        """What it is, in a sentence."""
        return (self.make.__doc__ or "").splitlines()[0]


BACKBONES = {
    found.name: found
    for found in (
        Backbone("conv4", "images", _conv4),
        Backbone("resnet12", "images", _resnet12),
        Backbone("mlp", "numbers", _mlp),
        Backbone("set", "sets", _item_set),
        Backbone("text", "texts", _text),
        Backbone("efficientnet-lite0", "images", _efficientnet_lite0, "vision", "Apache-2.0"),
        Backbone("efficientnet-maps", "images", _efficientnet_maps, "vision", "Apache-2.0"),
        Backbone("minilm", "texts", _minilm, "text", "Apache-2.0"),
    )
}
"""The backbones of quickstudy by name; those of installed libraries are named ``timm:NAME`` and the like."""


def names() -> list[str]:
    """Names of the backbones there are, without those of other libraries.

    >>> names()
    ['conv4', 'resnet12', 'mlp', 'set', 'text', 'efficientnet-lite0', 'efficientnet-maps', 'minilm']
    """
    return list(BACKBONES)


def describe(name: str) -> Backbone:
    """What is known of a backbone.

    Raises:
        ArgumentError: there is none of that name.

    >>> describe("minilm").reads, describe("minilm").extra
    ('texts', 'text')
    """
    if name in BACKBONES:
        return BACKBONES[name]
    library = name.partition(":")[0]
    if library in LIBRARIES and name != library + ":":
        reads: Literal["images", "texts"] = "texts" if library == "sentence-transformers" else "images"

        def make(*, weights: Literal["frozen", "tuned"] = "frozen", size: int | None = None) -> nn.Module:
            """A pretrained model of another library."""
            return _pretrained(name, weights=weights, size=size)

        return Backbone(name, reads, make, library, "of the model")
    hint = nearest(name, [*BACKBONES, *LIBRARIES])
    raise ArgumentError(
        f"there is no backbone {name!r}.{hint} There are: {', '.join(BACKBONES)}, and {':NAME, '.join(LIBRARIES)}:NAME."
    )


def build(name: str, **settings: Any) -> nn.Module:
    """A backbone by name: a network from raw inputs to features, how many its ``features`` says.

    A pretrained one is `Frozen` unless ``weights="tuned"`` is given. It names itself in files by name and hash.

    Args:
        name: see `names`; or ``timm:NAME``, ``torchvision:NAME``, ``sentence-transformers:NAME`` where these are installed.
        settings: arguments of the backbone's own function, such as ``size``; `describe` has it.

    Raises:
        ArgumentError: there is no backbone of that name, or it has no such setting.
        MissingExtra: the package with its weights is not installed.

    >>> build("conv4", channels=1, size=28).features
    64
    """
    network: nn.Module = checked(describe(name).make, ArgumentError, f"backbone {name}")(**settings)
    return network
