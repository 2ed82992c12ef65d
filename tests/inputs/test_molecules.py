"""Molecules as numbers: rdkit's own, scaled as stated; and what is no molecule."""

import builtins
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from rdkit.Chem import Descriptors, MolFromSmiles, rdFingerprintGenerator

from quickstudy.errors import DataError, MissingExtra
from quickstudy.inputs.kinds import input_kind
from quickstudy.inputs.molecules import DESCRIPTORS, Molecules, measured

SMILES = ["CCO", "c1ccccc1O", "CC(=O)Oc1ccccc1C(=O)O", "CN1C=NC2=C1C(=O)N(C(=O)N2C)C", "C" * 40]


def test_descriptors_and_counts_are_rdkits() -> None:
    numbers, counts = measured(SMILES)
    functions = dict(Descriptors.descList)
    fragments = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    for row, text in enumerate(SMILES):
        molecule = MolFromSmiles(text)
        np.testing.assert_allclose(numbers[row], [functions[name](molecule) for name in DESCRIPTORS], rtol=1e-6)
        np.testing.assert_array_equal(counts[row], fragments.GetCountFingerprintAsNumPy(molecule))


def test_the_stated_scale() -> None:
    """The molar mass of ethanol among three molecules: ln(1 + m), less its mean, by its deviation, in half precision."""
    three = SMILES[:3]
    kind = Molecules.fitted(three)
    masses = np.log1p([Descriptors.MolWt(MolFromSmiles(text)) for text in three])
    expected = (masses[0] - masses.mean()) / masses.std()
    assert math.isclose(float(kind("CCO")[0]), expected, rel_tol=2e-3)
    far = kind(SMILES[4])[:50]
    assert float(far.abs().max()) == 4.0, "a chain of 40 atoms is far from all of them"


def test_every_door_gives_one_answer() -> None:
    kind = Molecules.fitted(SMILES)
    expected = kind.batch(SMILES)
    for door in (tuple(SMILES), np.array(SMILES), pd.Series(SMILES), expected, expected.numpy(), [f" {s} " for s in SMILES]):
        assert torch.equal(kind.batch(door), expected)
    assert torch.equal(kind(SMILES[1]), expected[1]) and expected.shape == (5, kind.width)
    assert torch.equal(kind.scaled(kind.rows(*measured(SMILES))), expected), "a table's rows are those of predict"
    assert input_kind(kind.to_json()) == kind


@pytest.mark.parametrize(
    ("things", "said"),
    [
        (["CCO", "no molecule"], "text 1 .* no molecule"),
        (["CCO", "C(C"], "text 1"),
        (["CCO", ""], "text 1"),
        ([None], "text 0"),
        ([3.5], "text 0"),
        ([], "no molecules"),
        (7, "no molecule"),
        (torch.zeros(2, 9), "no molecules"),
    ],
    ids=["words", "open bracket", "empty", "none", "number", "nothing", "no list", "other numbers"],
)
def test_what_is_no_molecule(things: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        Molecules.fitted(SMILES).batch(things)


def test_a_record_of_other_descriptors_is_refused() -> None:
    with pytest.raises(DataError, match="50 numbers"):
        Molecules((0.0,), (1.0,))


def test_without_rdkit_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("rdkit"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtra, match=r"quickstudy\[chemistry\]"):
        measured(["CCO"])
