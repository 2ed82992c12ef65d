"""What a recipe is trained on, as arguments: any data set, folder or file, and the backbone that reads it."""

import functools
import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from torch import nn

from quickstudy.datasets.class_index import ClassIndex, Splits
from quickstudy.datasets.encoded import encoded
from quickstudy.datasets.omniglot import omniglot
from quickstudy.datasets.task_table import TableSplits
from quickstudy.errors import Argument, ArgumentError, MissingExtra
from quickstudy.inputs.images import Images
from quickstudy.inputs.kind import InputKind
from quickstudy.nn.backbones.catalogue import build, describe
from quickstudy.nn.backbones.pretrained import known_weights
from quickstudy.nn.frozen import Frozen
from quickstudy.recipes.parts.checked import AtLeast
from quickstudy.storage.own_code import names_code, own_function
from quickstudy.tasks.named_data import Sources, data_names
from quickstudy.tasks.open_data import Reading, open_data

__all__ = ["Data", "Found"]

_log = logging.getLogger(__name__)

_PRETRAINED = {"images": "efficientnet-lite0", "texts": "minilm"}
_FROM_SCRATCH = {"images": "conv4", "texts": "hashed", "columns": "mlp"}
_SIDE = 84


@dataclass(frozen=True)
class Found:
    """What was read.

    Args:
        content: indices, tables or sources; of features where the backbone is frozen.
        raw: the same before the backbone.
        backbone: by name, with "auto" decided.
        network: the frozen backbone, if there is one.
        trained: a backbone of one's own that trains along.
        digest: of the data.
    """

    content: Splits | TableSplits | Sources
    raw: Splits | TableSplits | Sources
    backbone: str
    network: Frozen | None
    digest: str
    trained: nn.Module | None = None


@dataclass(frozen=True)
class Data:
    """Data and backbone.

    Args:
        data: a data set by name, a folder of class folders, a table file, or FILE.py:FUNCTION; quickstudy data shows what is
            read. In Python also three indices, tables or sources.
        backbone: a name of quickstudy list backbones, or FILE.py:FUNCTION; auto takes a pretrained one for photos and texts where
            its package is installed, and otherwise one that is trained from scratch.
        backbone_weights: of a pretrained backbone; frozen features are computed once and kept, tuned weights train along.
        image_size: side of the images, in pixels; 0 is the usual one of the data or of the backbone.
        width: channels of each convolution of conv4, units of each layer of mlp.
        strided: convolutions of conv4 that take steps of two, instead of pooling.
    """

    data: Any = "glyphs"
    reading: Reading = Reading()  # noqa: RUF009  a frozen record
    backbone: str = "auto"
    backbone_weights: Literal["frozen", "tuned"] = "frozen"
    image_size: Annotated[int, AtLeast(0)] = 0
    width: int = 64
    strided: bool = False

    def read(self) -> Found:
        """The data, and features of it where the backbone is frozen.

        Raises:
            UserError: what is wrong with the data or the backbone.
        """
        if isinstance(self.data, Found):
            return self.data
        if not isinstance(self.data, str):
            return self._with_backbone(self.data, "", self.backbone, self._network(self.backbone))
        named = self.data in data_names()
        backbone = self.backbone if named else self._chosen()
        network = self._network(backbone)
        if self.data == "omniglot" and self.image_size and network is None and self.reading == Reading():
            return self._with_backbone(omniglot(size=self.image_size), f"omniglot-{self.image_size}", backbone)
        reads = getattr(network, "reads", None) if named else self._reads(backbone, network)
        opened = open_data(self.data, self.reading, reads=reads)
        return self._with_backbone(opened.content, opened.digest, backbone, network)

    def _chosen(self) -> str:
        """The backbone that is meant by "auto", with a line that says which and why."""
        kind = _kind(self.data, self.reading)
        if self.backbone != "auto":
            return self.backbone
        pretrained = _PRETRAINED.get(kind)
        if pretrained is None:
            return _FROM_SCRATCH.get(kind, "auto")
        try:
            known_weights(pretrained).find(True)
        except MissingExtra as missing:
            _tell(f"backbone: {_FROM_SCRATCH[kind]}, from scratch. {missing}")
            return _FROM_SCRATCH[kind]
        _tell(f"backbone: {pretrained}, pretrained and frozen, because these are {kind}.")
        return pretrained

    def _network(self, backbone: str) -> nn.Module | None:
        """A pretrained backbone, or one's own; None for one that is built to fit the data."""
        if names_code(backbone):
            return self._own(backbone)
        if backbone in ("auto", "hashed") or not describe(backbone).licence:
            return None
        size: dict[str, Any] = {"size": self.image_size} if self.image_size and describe(backbone).reads == "images" else {}
        return build(backbone, weights=self.backbone_weights, **size)

    def _own(self, backbone: str) -> nn.Module:
        network = own_function(backbone, "a backbone")()
        if not isinstance(network, nn.Module) or not isinstance(getattr(network, "features", None), int):
            raise ArgumentError(
                Argument("backbone", backbone), " must return an nn.Module that says how many features it gives, in features."
            )
        return Frozen(network) if self.backbone_weights == "frozen" else network

    def _reads(self, backbone: str, network: nn.Module | None) -> InputKind | None:
        if network is not None:
            known: InputKind | None = getattr(network, "reads", None)
            if known is not None:
                return known
        side = self.image_size or _SIDE
        return Images((side, side), channels=3, strokes=False) if _kind(self.data, self.reading) == "images" else None

    def _with_backbone(self, content: Any, digest: str, backbone: str, network: nn.Module | None = None) -> Found:
        if not isinstance(network, Frozen):
            return Found(content, content, backbone, None, digest, network if names_code(backbone) else None)
        if isinstance(content, Sources):
            raise ArgumentError("tasks that a function makes have no rows to encode. Choose another ", Argument("backbone"), ".")
        features = type(content)(*[_features(part, network) for part in content])
        return Found(features, content, backbone, network, digest)


@functools.cache
def _tell(text: str) -> None:
    """Once in a process."""
    _log.warning("%s", text)


def _features(part: Any, network: Frozen) -> Any:
    """An index or a table of features, computed once and kept in the cache."""
    if isinstance(part, ClassIndex):
        return encoded(part, network)
    rows = ClassIndex(part.x, torch.arange(len(part)) % 2, ("even rows", "odd rows"), part.name, reads=part.reads)
    return replace(part, x=encoded(rows, network).x, reads=None)


def _kind(spec: str, reading: Reading) -> str:
    """What a folder or a file of one's own holds."""
    if names_code(spec):
        return "code"
    if reading.text_column:
        return "texts"
    path = Path(spec)
    return "images" if reading.image_column or path.is_dir() or path.suffix.lower() == ".zip" else "columns"
