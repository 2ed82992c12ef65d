"""k-DPPs against enumeration of every subset: normalisation, inclusion, samples, conditioning (Kulesza & Taskar, 2012)."""

from itertools import combinations, permutations
from math import prod

import pytest
import torch
from torch import Tensor

from quickstudy.datasets.class_index import ClassIndex
from quickstudy.functional.dpp import inclusion, log_symmetric, sample_k_dpp, spectrum
from quickstudy.tasks import Diverse, class_points
from quickstudy.tasks.source import generator_of

ITEMS, K, DRAWS = 6, 3, 1500


def features(rows: int = ITEMS, columns: int = 4) -> Tensor:
    return torch.randn(rows, columns, generator=generator_of(2), dtype=torch.float64)


def enumerated(e: Tensor, k: int = K) -> dict[tuple[int, ...], float]:
    """``det L_Y / Σ det L_Y'`` of every subset of k items."""
    kernel = e @ e.mT
    volumes = {y: float(torch.linalg.det(kernel[list(y)][:, list(y)])) for y in combinations(range(len(e)), k)}
    return {y: volume / sum(volumes.values()) for y, volume in volumes.items()}


def within(counts: int, expected: float, draws: int = DRAWS) -> bool:
    return abs(counts - draws * expected) <= 5 * (draws * expected * (1 - expected)) ** 0.5 + 1e-6 * draws


def test_the_spectrum_is_that_of_the_kernel() -> None:
    for shape in ((6, 4), (4, 9)):
        e = features(*shape)
        values, vectors = spectrum(e)
        assert len(values) == 4
        torch.testing.assert_close(vectors @ values.diag() @ vectors.mT, e @ e.mT)
        torch.testing.assert_close(vectors.mT @ vectors, torch.eye(4, dtype=torch.float64))


def test_symmetric_polynomials_are_sums_of_products() -> None:
    values = features()[:, 0].abs()
    table = log_symmetric(values, 4).exp()
    for count in range(7):
        for n in range(5):
            expected = sum(prod(chosen) for chosen in combinations(values[:count].tolist(), n))
            assert float(table[n, count]) == pytest.approx(expected, rel=1e-10)
    large = log_symmetric(torch.full((400,), 1e6), 200)[200, -1]
    assert torch.isfinite(large), "no overflow"


@pytest.mark.parametrize("columns", [4, 8])
def test_inclusion_probabilities_are_those_of_enumeration(columns: int) -> None:
    e = features(columns=columns)
    expected = torch.zeros(ITEMS, dtype=torch.float64)
    for subset, probability in enumerated(e).items():
        expected[list(subset)] += probability
    found = inclusion(*spectrum(e), K)
    torch.testing.assert_close(found, expected)
    assert float(found.sum()) == pytest.approx(K)


@pytest.mark.parametrize("columns", [3, 8])
def test_samples_are_as_frequent_as_their_volumes(columns: int) -> None:
    """Every subset of 20, and every order of its items alike."""
    e = features(columns=columns)
    parts, generator = spectrum(e), generator_of(4)
    drawn = [tuple(sample_k_dpp(*parts, K, generator).tolist()) for _ in range(DRAWS)]
    for subset, probability in enumerated(e).items():
        assert within(sum(set(one) == set(subset) for one in drawn), probability), subset
        for order in permutations(subset):
            assert within(sum(one == order for one in drawn), probability / 6), order


def test_twins_never_meet() -> None:
    e = features()
    e[1] = 2 * e[0]
    parts, generator = spectrum(e), generator_of(0)
    assert not any({0, 1} <= set(sample_k_dpp(*parts, K, generator).tolist()) for _ in range(200))


def test_classes_kept_out_leave_the_k_dpp_of_the_others() -> None:
    points = torch.nn.functional.normalize(features(), dim=1)
    index = ClassIndex(torch.zeros(ITEMS, 1), torch.arange(ITEMS), tuple("abcdef"))
    sampler = Diverse(index, embed=lambda _: points)
    may = torch.tensor([True, True, False, True, True, True])
    drawn = sampler.draw(torch.full((DRAWS // 2,), 2), may.expand(DRAWS // 2, -1), generator_of(1)).sort(1).values
    others = may.nonzero()[:, 0]
    for subset, probability in enumerated(points[may], 2).items():
        a, b = (int(others[item]) for item in subset)
        assert within(int(((drawn[:, 0] == a) & (drawn[:, 1] == b)).sum()), probability, DRAWS // 2)


def test_class_points_are_means_seen_from_their_middle() -> None:
    """Without loss of angles where there are no more directions than are kept."""
    x = torch.randn(20, 5, generator=generator_of(7))
    labels = torch.arange(20) % 5
    index = ClassIndex(x, labels, tuple("abcde"))
    points = class_points(index)
    means = torch.stack([x[labels == c].mean(0) for c in range(5)]).double()
    centred = torch.nn.functional.normalize(means - means.mean(0), dim=1)
    torch.testing.assert_close(points @ points.mT, centred @ centred.mT, rtol=1e-6, atol=1e-6)
