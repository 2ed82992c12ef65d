"""Folders of whole files, one of which is damaged or forged at a time."""

import random
import shutil
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hostile.forge import rewritten
from hostile.mutations import damaged, shaken
from quickstudy import functional as f
from quickstudy import learners, nn

__all__ = ["WORDS", "Files", "forged_file"]

WORDS = (
    *learners.__all__,
    *nn.__all__,
    *f.__all__,
    "Images",
    "Prototypes",
    "system",
    "__init__",
    "learner",
    "predictor",
    "training",
)


class Files:
    """Whole files in a folder, one of which is damaged at a time: that of the name ``now``."""

    forges = False
    now = ""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.make()
        self.whole = {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}
        self.forged = False

    def make(self) -> None:
        raise NotImplementedError

    def damage(self, rng: random.Random) -> str:
        for path in self.folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        for name, content in self.whole.items():
            (self.folder / name).write_bytes(content)
        self.now = name = rng.choice(self.names())
        self.forged = self.forges and rng.random() < 0.7
        how, content = self.forge(name, rng) if self.forged else damaged(self.whole[name], rng)
        (self.folder / name).write_bytes(content)
        return f"{name}: {how}"

    def names(self) -> list[str]:
        return list(self.whole)

    def forge(self, name: str, rng: random.Random) -> tuple[str, bytes]:
        raise NotImplementedError


def forged_file(content: bytes, rng: random.Random) -> tuple[str, bytes]:
    """A file of ours with another header or other tensors, and a checksum that fits."""
    how = "forged"

    def change(header: dict[str, Any], tensors: list[Tensor]) -> None:
        nonlocal how
        kind = rng.choice(("header", "header", "header", "drop", "cast", "shape", "values", "more"))
        if kind == "header":
            how, found = shaken(header, rng, WORDS)
            header.clear()
            header.update(found)
            return
        number, how = rng.randrange(len(tensors)), f"tensors, {kind}"
        if kind == "drop":
            del tensors[number]
        elif kind == "cast":
            tensors[number] = tensors[number].to(rng.choice((torch.float64, torch.float16, torch.int64, torch.bool)))
        elif kind == "shape":
            tensors[number] = tensors[number].reshape(-1)[: rng.randrange(tensors[number].numel() + 1)]
        elif kind == "values":
            tensors[number] = tensors[number] + 1 if tensors[number].dtype != torch.bool else ~tensors[number]
        else:
            tensors += [torch.zeros(3), torch.zeros(0)]

    found = rewritten(content, change)
    return how, found
