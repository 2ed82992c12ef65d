"""Expression of genes in single cells: files of counts, and z-scores within each data set."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from quickstudy.datasets.class_index import ClassIndex
from quickstudy.errors import DataError
from quickstudy.inputs.columns import Columns

__all__ = ["Cells", "check_within_sets", "read_cells", "within_set"]

_DAMPING, _FAR, _OFF = 0.05, 4.0, 1.5


@dataclass(frozen=True)
class Cells:
    """Log-normalised expression of cells.

    Args:
        values: (cells, genes).
        genes: names of the columns.
        types: the type of each cell.
    """

    values: NDArray[np.float32]
    genes: tuple[str, ...]
    types: tuple[str, ...]

    def of_genes(self, genes: tuple[str, ...]) -> "Cells":
        """The same cells with these columns alone, in this order."""
        places = [self.genes.index(gene) for gene in genes]
        return Cells(self.values[:, places], genes, self.types)


def read_cells(path: Path) -> Cells:
    """Cells of a file with ``counts_q`` (8 bits, divided by ``scale``), ``genes``, ``label`` and ``types``.

    Raises:
        DataError: no such file.
    """
    try:
        with np.load(path) as found:
            values = found["counts_q"].astype(np.float32) / float(found["scale"])
            types = [str(name) for name in found["types"]]
            return Cells(values, tuple(map(str, found["genes"])), tuple(types[number] for number in found["label"]))
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{path} is no file of cells: {error}. Give one with counts_q, scale, genes, label and types.") from error


def within_set(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """z-scores of each gene within one data set, without any label, kept within ±4.

        ``(v − mean) / (deviation + 0.05)``

    Two laboratories' levels of a gene differ more than two cells' do. Compared within its own data set, a cell that has more of
    a gene than others there is alike in both.

    >>> within_set(np.array([[0.0], [2.0]], dtype=np.float32)).round(2).tolist()
    [[-0.949999988079071], [0.949999988079071]]
    """
    scaled = (values - values.mean(0)) / (values.std(0) + _DAMPING)
    found: NDArray[np.float32] = scaled.clip(-_FAR, _FAR).astype(np.float32)
    return found


def check_within_sets(parts: Sequence[ClassIndex]) -> None:
    """Refuses parts of a table whose columns are no z-scores of one data set each: their means would tell the sets apart.

    Args:
        parts: rows that `Columns` read, scaled by the first one.

    Raises:
        DataError: a column whose mean in a part is far from that of the first part.
    """
    for part in parts[1:]:
        means = part.gather(torch.arange(len(part))).mean(0)
        worst = int(means.abs().argmax())
        if float(means[worst].abs()) > _OFF and isinstance(part.reads, Columns):
            raise DataError(
                f'{part.name}: the mean of column "{part.reads.names[worst]}" is {float(means[worst]):.1f} deviations from that '
                f"of {parts[0].name}. Give z-scores within each data set, (value - mean) / deviation, in one unit everywhere."
            )
