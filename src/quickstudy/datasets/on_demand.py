"""Rows that are read when they are asked for, because all at once they would fill the memory: images and texts."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from quickstudy.datasets.class_index import Rows
from quickstudy.inputs.images import Images
from quickstudy.inputs.texts import Texts

__all__ = ["IN_MEMORY", "ImagesOnDemand", "TextsOnDemand"]

IN_MEMORY = 2**30
"""Bytes of rows that are held in memory; more are read on demand."""


@dataclass(frozen=True)
class ImagesOnDemand(Rows):
    """Images that are decoded when they are asked for."""

    files: tuple[Any, ...]
    reads: Images

    def __len__(self) -> int:
        return len(self.files)

    def gather(self, rows: Tensor) -> Tensor:
        return torch.stack([self.reads(self.files[int(row)]) for row in rows])


@dataclass(frozen=True)
class TextsOnDemand(Rows):
    """Texts read when they are asked for: all at once they would fill the memory."""

    texts: tuple[Any, ...]
    kind: Texts

    def __len__(self) -> int:
        return len(self.texts)

    def gather(self, rows: Tensor) -> Tensor:
        return self.kind.batch([self.texts[row] for row in rows.tolist()])
