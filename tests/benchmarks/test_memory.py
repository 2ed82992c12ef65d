"""The memory benchmark's orderings, by counted bytes of a small network: what is flat, what grows with the root, what grows."""

from pathlib import Path
from types import ModuleType

import pytest

FILE = Path(__file__).parents[2] / "benchmarks" / "memory.py"


def test_memory_against_inner_steps(benchmark: ModuleType) -> None:
    few, many = 4, 36
    peak = {}
    for name, (make, options) in benchmark.WAYS_OF_LEARNING.items():
        network = benchmark.NETWORKS["small"]
        peak[name] = [benchmark.counted(make(network(), steps), 1, **options) for steps in (1, few, many)]

    def growth(name: str) -> float:
        """Of what is more than one step needs."""
        one, low, high = peak[name]
        return (high - one) / (low - one)

    assert growth("MAML") == pytest.approx((many - 1) / (few - 1), rel=0.05)
    assert peak["MAML, checkpoint"][2] < 1.5 * peak["MAML, checkpoint"][1]  # nine times the steps
    assert peak["MAML, checkpoint"][2] < peak["MAML"][2] / 2
    for name in ("MAML, first order", "iMAML", "Reptile"):
        _, low, high = peak[name]
        assert high == pytest.approx(low, rel=0.01), name  # the row numbers of Reptile's batches are kept, 8 bytes each
        assert high < peak["MAML, checkpoint"][2]


def test_memory_against_tasks(benchmark: ModuleType) -> None:
    learner = benchmark.learners.MAML(benchmark.NETWORKS["small"](), inner_steps=3)
    loop, vmap, chunked = (
        [benchmark.counted(learner, count, **options) for count in (2, 8)] for options in benchmark.MAPPINGS.values()
    )
    assert vmap[1] / vmap[0] > 3
    assert loop[1] / loop[0] < 1.1 and chunked[1] / chunked[0] < 1.1
    assert loop[1] < chunked[1] < vmap[1]
