"""Logits stretched to a given confidence: against a root found by SciPy, and at the edges."""

import math

import pytest
import torch
from scipy.optimize import brentq

from quickstudy.functional.confidence import as_sure_as


def sure(logits: torch.Tensor) -> torch.Tensor:
    return logits.softmax(-1).amax(-1)


@pytest.mark.parametrize("ways", [2, 3, 20])
def test_the_largest_probability_is_that_of_the_others(ways: int) -> None:
    generator = torch.Generator().manual_seed(0)
    f, other = (torch.randn(50, ways, generator=generator, dtype=torch.float64) for _ in range(2))
    found = as_sure_as(f, 3 * other, torch.ones((), dtype=torch.float64), torch.ones(ways, dtype=torch.float64))
    assert torch.allclose(sure(found), sure(3 * other), atol=1e-9)
    assert (found.argsort(-1) == f.argsort(-1)).all()
    factor = (found / f)[0, 0].item()
    root = brentq(lambda t: float(sure(t * f[0]) - sure(3 * other[0])), 0.0, 1e4)
    assert factor == pytest.approx(root, rel=1e-6)


def test_a_stretch_keeps_who_is_surer_than_whom_and_a_guess_a_guess() -> None:
    generator = torch.Generator().manual_seed(1)
    f, other = (torch.randn(200, 5, generator=generator, dtype=torch.float64) for _ in range(2))
    one = torch.ones(5, dtype=torch.float64)
    found = sure(as_sure_as(f, other, torch.tensor(2.5, dtype=torch.float64), one))
    assert (found.argsort() == sure(other).argsort()).all()
    odds, wanted = (torch.log((1 - p) / p) - math.log(4) for p in (found, sure(other)))
    assert torch.allclose(odds, 2.5 * wanted, atol=1e-8)


def test_absent_classes_do_not_count_as_ones_that_could_be_guessed() -> None:
    present = torch.tensor([1.0, 1.0, 1.0, 0.0])
    f, other = torch.tensor([[2.0, 1.0, 0.0, -1e4]]), torch.tensor([[0.0, 0.5, 0.2, -1e4]])
    with_absent = as_sure_as(f, other, torch.tensor(2.0), present)[:, :3]
    assert torch.allclose(with_absent, as_sure_as(f[:, :3], other[:, :3], torch.tensor(2.0), torch.ones(3)), atol=1e-5)


def test_tied_classes_stay_and_the_certain_stay_finite() -> None:
    flat = as_sure_as(torch.zeros(1, 3), torch.tensor([[5.0, 0.0, 0.0]]), torch.tensor(1.0), torch.ones(3))
    assert flat.tolist() == [[0.0, 0.0, 0.0]]
    certain = as_sure_as(torch.tensor([[1.0, 0.9, 0.0]]), torch.tensor([[500.0, 0.0, 0.0]]), torch.tensor(3.0), torch.ones(3))
    assert certain.isfinite().all() and certain.argmax() == 0
