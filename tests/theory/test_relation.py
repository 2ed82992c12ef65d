"""Relation networks: the module that saves convolutions is the paper's on concatenated maps, the loss its squared error."""

import pytest
import torch
from torch import nn

from quickstudy import Examples, Task, learners
from quickstudy.errors import ShapeError
from quickstudy.functional import pair_cross_entropy
from quickstudy.nn import Conv4Maps, Relation


@pytest.mark.parametrize("size", [2, 3, 5, 8])
def test_the_relation_module_compares_concatenated_maps(size: int) -> None:
    module, classes, queries = Relation(6, size=size), torch.randn(3, 6, size, size), torch.randn(4, 6, size, size)
    whole, pool = nn.Conv2d(12, 6, 3, padding=1), nn.functional.max_pool2d
    with torch.no_grad():
        module.of_query.weight.copy_(torch.randn_like(module.of_query.weight) / 9)
        whole.weight.copy_(torch.cat([module.of_class.weight, module.of_query.weight], 1))
        assert module.of_class.bias is not None and whole.bias is not None
        whole.bias.copy_(module.of_class.bias)
    for q in range(4):
        for n in range(3):
            maps = module.joint(pool(whole(torch.cat([classes[n], queries[q]])[None]).relu(), 2)).relu()
            maps = pool(maps, 2) if maps.shape[-1] > 1 else maps
            score = module.score(module.wide(maps.flatten(1)).relu())
            torch.testing.assert_close(module(classes, queries)[q, n], score[0, 0], rtol=1e-4, atol=1e-5)


def test_at_the_start_it_sees_differences_and_knows_how_rare_likeness_is() -> None:
    module, maps = Relation(6, prior=0.2), torch.randn(3, 6, 5, 5)
    with torch.no_grad():
        module.of_class.bias.zero_()
        module.joint.bias.zero_()
        module.wide.bias.zero_()
        scores = module(maps, maps).sigmoid()
    torch.testing.assert_close(scores.diag(), torch.full((3,), 0.2))
    assert float((scores - 0.2).abs().max()) > 0.01


@pytest.mark.parametrize("wrong", [{"size": 1}, {"prior": 0.0}, {"prior": 1.0}])
def test_sizes_that_cannot_be_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ShapeError, match="size="):
        Relation(6, **wrong)  # type: ignore[arg-type]


def task() -> Task:
    x, labels = torch.randn(11, 1, 28, 28), torch.tensor([0, 1, 0, 0, 1, 1, 0, 1, 1, 0, 1])
    return Task(Examples.of(x[:5], labels[:5]), Examples.of(x[5:], labels[5:]))


def test_classes_are_sums_of_maps_and_the_loss_is_the_squared_error() -> None:
    learner = learners.RelationNet(Conv4Maps(hidden=4), Relation(4)).eval()
    given = task()
    with torch.no_grad():
        support, query = learner.encode(given.support.x), learner.encode(given.query.x)
        sums = torch.stack([support[given.support.labels == n].sum(0) for n in range(2)])
        expected = nn.functional.mse_loss(learner.relation(sums, query).sigmoid(), given.query.y)
        found = learner.objective(Task(given.support.replace(support), given.query.replace(query)))
    torch.testing.assert_close(found, expected)


def test_another_loss_of_scores_can_be_passed() -> None:
    learner = learners.RelationNet(Conv4Maps(hidden=4), Relation(4), loss=pair_cross_entropy).eval()
    given = task()
    with torch.no_grad():
        encoded = Task(*(part.replace(learner.encode(part.x)) for part in (given.support, given.query)))
        scores = learner.predict(learner.adapt(encoded.support), encoded.query.x)
        expected = nn.functional.binary_cross_entropy_with_logits(scores, encoded.query.y)
        torch.testing.assert_close(learner.objective(encoded), expected)
