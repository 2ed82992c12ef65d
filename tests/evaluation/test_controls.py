"""Controls lack what they should lack, and nothing else."""

import torch

from quickstudy.datasets.arrays import from_arrays
from quickstudy.evaluation.controls import NoSupport, ShuffledSupport
from quickstudy.evaluation.evaluate import evaluate
from quickstudy.learners.baselines.nearest_centroid import NearestCentroid
from quickstudy.task import Examples
from quickstudy.tasks.few_shot import FewShot


def test_shuffled_targets_are_the_same_ones_on_real_rows() -> None:
    seen: list[Examples] = []

    class Spy(NearestCentroid):
        def adapt(self, support: Examples):  # type: ignore[no-untyped-def]
            seen.append(support)
            return super().adapt(support)

    y = torch.nn.functional.one_hot(torch.arange(12) % 3).float()
    mask = (torch.arange(12) < 9).float()
    support = Examples(torch.randn(12, 4), y * mask[:, None], mask)
    orders = set()
    for _ in range(20):
        ShuffledSupport(Spy()).adapt(support)
        assert bool((seen[-1].x == support.x).all()) and bool((seen[-1].mask == mask).all())
        assert bool((seen[-1].y.sum(0) == support.y.sum(0)).all()) and not bool(seen[-1].y[9:].any())
        orders.add(tuple(seen[-1].y.argmax(1).tolist()))
    assert len(orders) > 10


def test_without_support_nothing_is_real() -> None:
    class Spy(NearestCentroid):
        def adapt(self, support: Examples):  # type: ignore[no-untyped-def]
            assert not bool(support.mask.any()) and not bool(support.y.any())
            return super().adapt(support)

    NoSupport(Spy()).adapt(Examples.of(torch.eye(3), torch.arange(3)))


def test_a_learner_of_its_support_falls_to_chance() -> None:
    labels = torch.arange(200) % 10
    index = from_arrays(torch.eye(10)[labels] + 0.1 * torch.randn(200, 10, generator=torch.Generator().manual_seed(0)), labels)
    source = FewShot(index, ways=5, shots=4, queries=5)
    assert evaluate(NearestCentroid(), source, tasks=50).mean > 0.95
    shuffled = evaluate(ShuffledSupport(NearestCentroid()), source, tasks=50, strategy="loop")
    assert shuffled.mean < 0.4
