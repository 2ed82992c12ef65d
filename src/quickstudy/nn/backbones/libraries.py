"""Pretrained backbones of libraries that the user has: ``timm:NAME``, ``torchvision:NAME``, ``sentence-transformers:NAME``.

Weights are read from safetensors (timm, Sentence Transformers) or by PyTorch's restricted reader (torchvision, which has no
safetensors); code that comes with weights is never run. Fetching is the library's matter and happens when a backbone is built
by name; a file of ours that names one never fetches.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from quickstudy.errors import ArtefactError, LearnerError, MissingExtra
from quickstudy.nn.backbones.weights import Weights
from quickstudy.storage.files import read_json

__all__ = ["LIBRARIES", "in_library"]

_PLAIN = ("Transformer", "Pooling", "Normalize")


def in_library(name: str) -> Weights | None:
    """The backbone that ``library:name`` names; None where the library is none of those known here.

    Raises:
        MissingExtra: the library is not installed.
        LearnerError: it has no such backbone.
    """
    library, _, inside = name.partition(":")
    if library not in LIBRARIES or not inside:
        return None
    try:
        return LIBRARIES[library](name, inside)
    except ImportError as error:
        raise MissingExtra(
            f'the backbone {name} needs the package "{library}". Install it: pip install "quickstudy[{library}]"'
        ) from error


def _timm(name: str, inside: str) -> Weights:
    import timm
    from huggingface_hub import hf_hub_download

    if not timm.is_model(inside):
        raise LearnerError(f"timm has no model {inside!r}. All: timm.list_models(pretrained=True).")
    settings = timm.get_pretrained_cfg(inside)
    if settings is None or not settings.hf_hub_id:
        raise LearnerError(f"timm has no weights of {inside!r} in safetensors. All: timm.list_models(pretrained=True).")

    def find(fetch: bool) -> Path:
        return _found(name, lambda: hf_hub_download(settings.hf_hub_id, "model.safetensors", local_files_only=not fetch))

    return Weights(
        name=name,
        reads="images",
        features=0,
        find=find,
        network=partial(timm.create_model, inside, pretrained=False, num_classes=0),
        tensors=safetensors.torch.load_file,
        mean=tuple(settings.mean),
        deviation=tuple(settings.std),
        size=int(settings.input_size[-1]),
    )


def _torchvision(name: str, inside: str) -> Weights:
    from torchvision import models

    try:
        chosen = models.get_model_weights(inside).DEFAULT
    except (KeyError, ValueError, AttributeError) as error:
        raise LearnerError(f"torchvision has no model {inside!r} with weights. All: torchvision.models.list_models().") from error
    prepared = chosen.transforms()
    file = Path(torch.hub.get_dir()) / "checkpoints" / chosen.url.rpartition("/")[2]

    def find(fetch: bool) -> Path:
        if fetch and not file.is_file():
            chosen.get_state_dict(progress=False, check_hash=True, weights_only=True)
        return _found(name, lambda: file if file.is_file() else None)

    return Weights(
        name=name,
        reads="images",
        features=0,
        find=find,
        network=lambda: _headless(models.get_model(inside, weights=None), name),
        tensors=partial(torch.load, map_location="cpu", weights_only=True),
        mean=tuple(prepared.mean),
        deviation=tuple(prepared.std),
        size=int(prepared.crop_size[0]),
    )


def _headless(network: nn.Module, name: str) -> nn.Module:
    """A classifier without its last linear layer; ``num_features`` says how many features that layer read."""
    linear = [path for path, part in network.named_modules() if isinstance(part, nn.Linear)]
    if not linear:
        raise LearnerError(f"{name} ends in no linear layer that could be taken off. Choose another model.")
    parent, _, last = linear[-1].rpartition(".")
    network.num_features = network.get_submodule(linear[-1]).in_features
    setattr(network.get_submodule(parent), last, nn.Identity())
    return network


class _Sentences(nn.Module):
    """A model of Sentence Transformers on rows of its tokenizer's numbers."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model, self.padding = model, int(model.tokenizer.pad_token_id or 0)
        self.num_features = int(model.get_sentence_embedding_dimension())

    def forward(self, x: Any) -> Tensor:
        tokens, mask = (x, x != self.padding) if isinstance(x, Tensor) else (x["tokens"], x["mask"])
        features: Tensor = self.model({"input_ids": tokens, "attention_mask": mask.long()})["sentence_embedding"]
        return features


def _sentence_transformers(name: str, inside: str) -> Weights:
    from huggingface_hub import snapshot_download
    from sentence_transformers import SentenceTransformer

    def folder(fetch: bool) -> Path:
        if Path(inside).is_dir():
            return Path(inside)
        return _found(name, lambda: snapshot_download(inside, local_files_only=not fetch, ignore_patterns=["*.bin", "*.py"]))

    def find(fetch: bool) -> Path:
        file = folder(fetch) / "model.safetensors"
        return _found(name, lambda: file if file.is_file() else None)

    def network() -> nn.Module:
        place = folder(False)
        _only_plain_parts(place, name)
        options = {"use_safetensors": True}
        return _Sentences(SentenceTransformer(str(place), device="cpu", trust_remote_code=False, model_kwargs=options))

    return Weights(
        name=name,
        reads="texts",
        features=0,
        find=find,
        network=network,
        tensors=lambda path: dict(network().state_dict()),  # the library's own names, which those in the file are a part of
        size=0,
    )


def _found(name: str, look: Callable[[], Any]) -> Path:
    try:
        found = look()
    except (OSError, ValueError) as error:  # huggingface_hub raises kinds of both where a file is not on this machine
        raise ArtefactError(_absent(name, f" ({str(error).splitlines()[0]})")) from error
    if found is None:
        raise ArtefactError(_absent(name, ""))
    return Path(found)


def _absent(name: str, why: str) -> str:
    return (
        f"the weights of {name} are not on this machine in a form that is read here{why}. "
        f'Fetch them: nn.backbones.build("{name}"), connected to the internet.'
    )


def _only_plain_parts(folder: Path, name: str) -> None:
    """Parts with weights of their own would not be covered by the hash, and parts of other packages would run their code."""
    try:
        kinds = [str(part["type"]) for part in read_json(folder / "modules.json")]
    except (ArtefactError, ValueError, LookupError, TypeError) as error:
        raise ArtefactError(
            f"{folder} has no modules.json that can be read, and is no model of Sentence Transformers."
        ) from error
    others = [k for k in kinds if not k.startswith("sentence_transformers.") or k.rpartition(".")[2] not in _PLAIN]
    if others:
        raise LearnerError(f"{name} has the part {others[0]}; only models of {', '.join(_PLAIN)} are read here.")


LIBRARIES: dict[str, Callable[[str, str], Weights]] = {
    "timm": _timm,
    "torchvision": _torchvision,
    "sentence-transformers": _sentence_transformers,
}
"""How each library's backbones are found; the name of a library is that of its package and of our extra."""
