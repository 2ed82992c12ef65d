"""A molecule, written as SMILES, as descriptors and counts of the fragments around its atoms.

Source: Rogers & Hahn, 2010, Extended-connectivity fingerprints (ECFP); rdkit computes them.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from quickstudy.borders.arguments import shown
from quickstudy.errors import DataError, MissingExtra
from quickstudy.inputs.kind import InputKind
from quickstudy.inputs.row_shape import RowShape, refuse_missing

__all__ = ["DESCRIPTORS", "Molecules", "measured"]

# fmt: off
DESCRIPTORS = (
    "MolWt", "HeavyAtomCount", "NumHDonors", "NumHAcceptors", "NumRotatableBonds", "NumAromaticRings", "NumAliphaticRings",
    "NumSaturatedRings", "RingCount", "FractionCSP3", "TPSA", "MolLogP", "MolMR", "LabuteASA", "BalabanJ", "Kappa1", "Kappa2",
    "Kappa3", "Chi0v", "Chi1v", "Chi2v", "HallKierAlpha", "NumHeteroatoms", "NHOHCount", "NOCount", "NumAromaticHeterocycles",
    "NumValenceElectrons", "fr_amide", "fr_halogen", "fr_sulfonamd", "fr_NH0", "fr_NH1", "fr_NH2", "fr_C_O", "fr_ether",
    "fr_benzene", "fr_pyridine", "fr_piperdine", "fr_piperzine", "fr_Ar_N", "fr_Ar_OH", "fr_COO", "fr_aniline", "fr_bicyclic",
    "fr_nitrile", "fr_imidazole", "fr_thiazole", "fr_methoxy", "fr_ketone", "fr_urea",
)
# fmt: on
"""The descriptors of a molecule, in order, as rdkit calls them: size, polarity, rings, shape, functional groups."""

_BITS, _RADIUS, _MOST, _FAR = 2048, 2, 255, 4.0


@dataclass(frozen=True)
class Molecules(InputKind):
    """Turns a SMILES into ``width`` numbers: 50 descriptors, then 2,048 counts of fragments.

    A descriptor v becomes ``(s − mean) / deviation`` with ``s = sign(v) ln(1 + |v|)``, kept within ±4. A count is how often the
    fragments of a hash value (ECFP4: radius 2, folded to 2,048 values) occur.

    Args:
        means, deviations: of s, for each of `DESCRIPTORS`, in meta-training molecules.

    Raises:
        DataError: other than one mean and one positive deviation for each descriptor.

    >>> kind = Molecules.fitted(["CCO", "c1ccccc1O", "CC(=O)Oc1ccccc1C(=O)O"])
    >>> row = kind("OCC")
    >>> row.shape, bool((row == kind("CCO")).all()), int(row[50:].sum())  # six fragments around three atoms
    (torch.Size([2098]), True, 6)
    """

    name: ClassVar[str] = "molecules"
    things: ClassVar[str] = "molecules as SMILES"
    again: ClassVar[str] = "datasets.table(path, text=…, label=…, reads=learner.reads)"

    means: tuple[float, ...]
    deviations: tuple[float, ...]

    def __post_init__(self) -> None:
        for name in ("means", "deviations"):
            found = tuple(getattr(self, name))
            numbers = all(isinstance(n, int | float) and math.isfinite(n) for n in found)
            if len(found) != len(DESCRIPTORS) or not numbers or (name == "deviations" and not min(found) > 0):
                raise DataError(f"{name} of molecules must be {len(DESCRIPTORS)} numbers, one for each descriptor.")
            object.__setattr__(self, name, tuple(map(float, found)))

    @classmethod
    def fitted(cls, smiles: Sequence[str]) -> Self:
        """As meta-training molecules have them.

        Raises:
            DataError: no molecules, or a text that is none.
            MissingExtra: rdkit is not installed.
        """
        return cls.of_descriptors(measured(smiles)[0])

    @classmethod
    def of_descriptors(cls, descriptors: NDArray[np.float32]) -> Self:
        """As `fitted`, of what `measured` gave for meta-training molecules, (R, 50)."""
        squeezed = _squeezed(descriptors).astype(np.float64)
        deviations = squeezed.std(0)
        return cls(tuple(squeezed.mean(0).tolist()), tuple(np.where(deviations > 1e-6, deviations, 1.0).tolist()))

    @property
    def width(self) -> int:
        """How many numbers a molecule becomes."""
        return len(DESCRIPTORS) + _BITS

    @property
    def descriptors(self) -> int:
        """How many of them, the first ones, are descriptors."""
        return len(DESCRIPTORS)

    def __str__(self) -> str:
        return f"Molecules({len(DESCRIPTORS)} descriptors, {_BITS} counts)"

    def gives(self, rows: RowShape) -> bool:
        return rows.are_of((self.width,))

    def rows(self, descriptors: NDArray[np.float32], counts: NDArray[np.uint8]) -> Tensor:
        """Inputs (R, width) of what `measured` gave, in half precision, in which tables keep them; `scaled` makes them single."""
        scaled = (_squeezed(descriptors) - np.array(self.means)) / np.array(self.deviations)
        both = np.concatenate([scaled.clip(-_FAR, _FAR).astype(np.float16), counts.astype(np.float16)], 1)
        return torch.from_numpy(both)

    def scaled(self, rows: Tensor) -> Tensor:
        return rows.to(torch.get_default_dtype())

    def batch(self, things: Any) -> Tensor:
        """Inputs (Q, width) of one SMILES, a list, an array or a pandas column of them; or such numbers as they are.

        Raises:
            DataError: a text that is no molecule, or numbers of another shape.
            MissingExtra: rdkit is not installed.
        """
        if isinstance(things, Tensor) or (isinstance(things, np.ndarray) and things.dtype.kind in "fiub"):
            return self._read_already(torch.as_tensor(things))
        return self.scaled(self.rows(*measured(things)))

    def _read_already(self, x: Tensor) -> Tensor:
        if x.ndim not in (1, 2) or x.shape[-1] != self.width or not x.is_floating_point():
            raise DataError(
                f"numbers {tuple(x.shape)} of {x.dtype} are no molecules. Give SMILES, or what was read: (Q, {self.width}) "
                "decimal numbers."
            )
        refuse_missing(x, "the molecules, once read,")
        return x[None] if x.ndim == 1 else x

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Self:
        return cls(tuple(found["means"]), tuple(found["deviations"]))


def measured(smiles: Sequence[str] | str) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Descriptors (R, 50) and counts of fragments (R, 2048) of molecules, each different one computed once.

    Raises:
        DataError: none, something that is no text, or no molecule; the row is named.
        MissingExtra: rdkit is not installed.

    >>> measured(["CCO", "C"])[0][:, 1].tolist()  # heavy atoms
    [3.0, 1.0]
    """
    if isinstance(smiles, bytes | dict) or not hasattr(smiles, "__iter__"):
        raise DataError(f"{shown(smiles)} is no molecule. Give a SMILES or a list of them.")
    things = [smiles] if isinstance(smiles, str) else list(smiles)
    if not things:
        raise DataError("there are no molecules. Give at least one.")
    first: dict[str, int] = {}
    for row, thing in enumerate(things):
        if not isinstance(thing, str) or not thing.strip():
            raise DataError(
                f"text {row} (the first is 0) is {shown(thing)}, no molecule. Write it as SMILES, or leave the row out."
            )
        first.setdefault(thing.strip(), row)
    descriptors, counts = _computed(first)
    place = {text: number for number, text in enumerate(first)}
    rows = np.array([place[thing.strip()] for thing in things])
    return descriptors[rows], counts[rows]


def _rdkit() -> tuple[Any, Any, Any]:
    """The package, its descriptors by name, and its fingerprints."""
    try:
        import rdkit.rdBase
        from rdkit.Chem import Descriptors, rdFingerprintGenerator
    except ImportError as error:
        raise MissingExtra.of("chemistry", "reading molecules") from error
    return rdkit, Descriptors, rdFingerprintGenerator


def _computed(first: Mapping[str, int]) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """What `measured` gives for different SMILES, each with the row that it first stands in."""
    package, descriptors, fingerprints = _rdkit()
    from rdkit.Chem import MolFromSmiles

    functions = dict(descriptors.descList)
    fragments = fingerprints.GetMorganGenerator(radius=_RADIUS, fpSize=_BITS)
    numbers = np.zeros((len(first), len(DESCRIPTORS)), dtype=np.float32)
    counts = np.zeros((len(first), _BITS), dtype=np.uint8)
    with package.rdBase.BlockLogs():
        for number, (text, row) in enumerate(first.items()):
            molecule = MolFromSmiles(text)
            if molecule is None or not molecule.GetNumAtoms():
                raise DataError(
                    f"text {row} (the first is 0) is {shown(text)}, which rdkit reads as no molecule. Write it as SMILES, or "
                    "leave the row out."
                )
            counts[number] = np.minimum(fragments.GetCountFingerprintAsNumPy(molecule), _MOST)
            numbers[number] = [functions[name](molecule) for name in DESCRIPTORS]
    return np.nan_to_num(numbers, posinf=0.0, neginf=0.0), counts


def _squeezed(descriptors: NDArray[np.float32]) -> NDArray[np.float32]:
    found: NDArray[np.float32] = np.sign(descriptors) * np.log1p(np.abs(descriptors))
    return found
