"""Fingerprints of data as it lies on disk or in memory, by which a run knows the data that it was trained on."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import torch

from quickstudy.datasets.class_index import ClassIndex
from quickstudy.datasets.held_rows import on_demand
from quickstudy.datasets.system_files import walked
from quickstudy.datasets.task_table import Table
from quickstudy.errors import DataError
from quickstudy.functional.tree import leaves

__all__ = ["digest_of_data", "digest_of_files", "files_below"]

_SHORT = 16


def files_below(folder: Path) -> list[Path]:
    """All files in a folder and in its folders, sorted; without hidden files and system files."""
    return sorted(file for _, files in walked(folder) for file in files)


def digest_of_files(files: Iterable[Path], root: Path) -> str:
    """Of the names (from ``root`` on), the sizes and the contents of files.

    Raises:
        DataError: a file cannot be read.
    """
    found = hashlib.sha256()
    for path in files:
        name = path.relative_to(root) if path.is_relative_to(root) else path
        found.update(f"{name.as_posix()}\n".encode("utf-8", "surrogateescape"))
        if not path.is_file():
            continue  # a pipe or a broken link: its reader has said what is wrong
        try:
            with path.open("rb") as file:
                found.update(hashlib.file_digest(file, "sha256").digest())
        except OSError as error:
            raise DataError(f"{path} cannot be read ({error.strerror or error}). Change its permissions.") from error
    return found.hexdigest()[:_SHORT]


def digest_of_data(parts: Iterable[ClassIndex | Table]) -> str:
    """Of rows in memory, with their labels or targets and the names of classes; of rows read on demand, of their number alone.

    >>> index = ClassIndex(torch.eye(4), torch.tensor([0, 0, 1, 1]), ("a", "b"))
    >>> digest_of_data([index]) == digest_of_data([index.rows(torch.arange(3))])
    False
    """
    found = hashlib.sha256()
    for part in parts:
        y = part.labels if isinstance(part, ClassIndex) else part.y
        names = part.classes if isinstance(part, ClassIndex) else (*part.classes, *part.task_names)
        found.update("\n".join([part.name, str(len(part)), *names]).encode())
        for tensor in [y, *([] if on_demand(part.x) else leaves(part.x))]:
            found.update(f"{tuple(tensor.shape)}{tensor.dtype}".encode())
            found.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return found.hexdigest()[:_SHORT]
