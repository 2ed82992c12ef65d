"""A table of molecules tested in many assays: SMILES, active or not, and which assay, parted by assay."""

import hashlib
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from quickstudy.borders.arguments import shown
from quickstudy.datasets.fetch import cached_arrays
from quickstudy.datasets.table_columns import codes, large_enough
from quickstudy.datasets.table_file import read_table_file
from quickstudy.datasets.table_roles import check_roles
from quickstudy.datasets.table_split import parts_of
from quickstudy.datasets.task_table import Table, TableSplits
from quickstudy.errors import DataError
from quickstudy.inputs.column import is_missing
from quickstudy.inputs.molecules import DESCRIPTORS, Molecules, measured
from quickstudy.inputs.raw_columns import raw_columns

__all__ = ["molecules"]

_CLASSES = ("inactive", "active")
_ACTIVE = {"1": 1, "0": 0, "active": 1, "inactive": 0, "true": 1, "false": 0}
_MANY = 1000
"""Different molecules from which on a file in the cache pays: rdkit computes about a thousand a second."""


def molecules(
    data: str | Path | Mapping[str, Any],
    *,
    smiles: str = "smiles",
    active: str = "active",
    assay: str = "assay",
    split: str | None = None,
    smallest: int = 0,
    seed: int = 0,
    encoding: str = "utf-8",
) -> TableSplits:
    """Assays in three parts for `tasks.ByTask`: their molecules as `Molecules`, inactive (class 0) or active (class 1).

    Args:
        data: a file of rows (CSV, TSV, JSON lines, Parquet), or values by column.
        smiles: the column of molecules.
        active: the column of results: 1 or active, 0 or inactive.
        assay: the column that says which assay a row belongs to; an assay is a task.
        split: a column that says "train", "val" or "test"; without it assays are parted at random.
        smallest: assays with fewer rows are left out, and named in the log.
        seed: of the parts.
        encoding: of a text file.

    Raises:
        DataError: no such column, a result or a molecule that is none, too few assays.
        MissingExtra: rdkit is not installed.

    >>> rows = {"smiles": ["CCO", "CCN"] * 6, "active": [1, 0] * 6, "assay": [n // 2 for n in range(12)]}
    >>> [len(part.task_names) for part in molecules(rows)]
    [4, 1, 1]
    """
    named: dict[str, str | None] = {"label": active, "task": assay, "text": smiles, "split": split}
    called = Path(data).name.split(".")[0] if isinstance(data, str | Path) else "data"
    rows = _read(data, [name for name in (smiles, active, assay, split) if name is not None], encoding)
    check_roles(rows, named | {"target": None, "image": None, "group": None, "time": None}, (), called)
    rows = large_enough(rows, assay, smallest, called)
    y = _results(rows[active], f'{called}: the column "{active}"')
    names, tasks = codes(rows[assay], f'{called}: the column "{assay}"')
    assert tasks is not None
    parts = parts_of(rows, split or assay, (active, assay), (0.6, 0.2, 0.2), seed, called)
    descriptors, counts = _kept(list(rows[smiles]))
    kind = Molecules.of_descriptors(descriptors[parts["train"]])
    whole = Table(kind.rows(descriptors, counts), y, tasks, names, _CLASSES, called, reads=kind)
    return TableSplits(*[whole.rows(torch.from_numpy(parts[part]), f"{called}/{part}") for part in TableSplits._fields])


def _read(data: Any, as_written: Sequence[str], encoding: str) -> Mapping[str, Any]:
    if isinstance(data, str | Path):
        return read_table_file(data, as_written=as_written, encoding=encoding)
    return raw_columns(data, None)


def _results(values: Any, what: str) -> Tensor:
    """0 for inactive, 1 for active, (R,)."""
    found = []
    for row, value in enumerate(values.tolist() if isinstance(values, np.ndarray) else list(values)):
        word = "" if is_missing(value) else str(int(value)) if _whole(value) else str(value).strip().lower()
        if word not in _ACTIVE:
            given = shown(value) if word else "no value"
            raise DataError(f"{what} has {given} in row {row} (the first is 0). Write 1 for active and 0 for inactive.")
        found.append(_ACTIVE[word])
    return torch.tensor(found)


def _whole(value: Any) -> bool:
    return isinstance(value, bool | int | float | np.number) and float(value).is_integer()


def _kept(smiles: Sequence[Any]) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """What `measured` gives, out of the cache where these molecules were computed before."""
    first: dict[Any, int] = {}
    for row, text in enumerate(smiles):
        first.setdefault(text, row)
    if len(first) < _MANY or not all(isinstance(text, str) for text in first) or find_spec("rdkit") is None:
        return measured(smiles)
    texts = "\n".join([version("rdkit"), *DESCRIPTORS, *first])
    key = hashlib.sha256(texts.encode(errors="backslashreplace")).hexdigest()[:24]

    def build() -> dict[str, NDArray[Any]]:
        numbers, counts = measured(smiles)
        rows = list(first.values())
        return {"numbers": numbers[rows], "counts": counts[rows]}

    found = cached_arrays(f"features/molecules-{key}", build)
    place = {text: number for number, text in enumerate(first)}
    rows = np.array([place[text] for text in smiles])
    return found["numbers"][rows], found["counts"][rows]
