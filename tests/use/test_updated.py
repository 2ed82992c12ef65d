"""A predictor of more examples: `updated(learner(a), b)` equals `learner(a and b)`, new classes included."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from contract.cases import CASES
from quickstudy import Examples, learners, load, nn, save
from quickstudy.errors import DataError, LearnerError, ShapeError
from quickstudy.learner import Learner
from quickstudy.likelihood import Gaussian
from quickstudy.metrics.rejection import Threshold
from quickstudy.use.updated import updated

LEARNERS: dict[str, Callable[[], Learner[Any]]] = {
    "ProtoNet": lambda: learners.ProtoNet(nn.MLP(4, (8,))),
    "NearestCentroid": learners.NearestCentroid,
    "SimpleShot": lambda: learners.SimpleShot(nn.MLP(4, (8,)), features=8, classes=3),
    "MAML": lambda: learners.MAML(nn.MLP(4, (8,), outputs=4), inner_lr=0.1, inner_steps=3),
    "ANIL": lambda: learners.ANIL(nn.MLP(4, (8,)), torch.nn.Linear(8, 4), inner_lr=0.1),
    "R2D2": lambda: learners.R2D2(nn.MLP(4, (8,))),
    "MatchingNet": lambda: learners.MatchingNet(nn.MLP(4, (8,))),
    "LogisticRegression": lambda: learners.LogisticRegression(),
}


def rows(count: int, seed: int) -> Tensor:
    return torch.randn(count, 4, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("make", LEARNERS.values(), ids=LEARNERS)
def test_of_known_classes_it_equals_the_predictor_of_all(make: Callable[[], Learner[Any]]) -> None:
    learner, x = make(), rows(5, 9)
    a, b = rows(6, 0), rows(4, 1)
    first = learner(Examples.of(a, [0, 0, 1, 1, 2, 2]), ["a", "b", "c"])
    before = first(x)
    found = updated(first, Examples.of(b, [0, 1, 1, 0], 2), ["c", "a"])
    whole = learner(Examples.of(torch.cat([a, b]), [0, 0, 1, 1, 2, 2, 2, 0, 0, 2]), ["a", "b", "c"])
    assert found.classes == whole.classes
    assert torch.allclose(found(x), whole(x), atol=1e-5)
    assert torch.equal(first(x), before), "the earlier predictor stays as it is"


@pytest.mark.parametrize("make", LEARNERS.values(), ids=LEARNERS)
def test_of_new_classes_it_equals_the_predictor_of_all(make: Callable[[], Learner[Any]]) -> None:
    learner, x = make(), rows(5, 9)
    a, b = rows(6, 0), rows(4, 1)
    first = learner(Examples.of(a, [0, 0, 1, 1, 2, 2]), ["a", "b", "c"])
    found = updated(first, Examples.of(b, [0, 1, 1, 0]), ["new", "b"])
    whole = learner(Examples.of(torch.cat([a, b]), [0, 0, 1, 1, 2, 2, 3, 1, 1, 3]), ["a", "b", "c", "new"])
    assert found.classes == whole.classes == ("a", "b", "c", "new")
    assert torch.allclose(found(x), whole(x), atol=1e-5)
    again = updated(found, Examples.of(rows(2, 2), [0, 0], 1), ["a"])
    assert again.support is not None and len(again.support) == 12 and again.classes == found.classes


@pytest.mark.parametrize("name", [name for name in CASES if "," not in name])
def test_every_learner_of_the_contract_list(name: str) -> None:
    """The last rows of a support set come later; those that offer ``update`` take it."""
    torch.manual_seed(0)
    case = CASES[name]
    learner, task = case.make(), case.source().sample(1, torch.Generator().manual_seed(3))[0]
    support, x = task.support.trim(), task.query.trim().x
    cut = support.mask.shape[0] - 2
    found, whole = updated(learner(support[:cut]), support[cut:]), learner(support)
    assert found.support is not None and torch.equal(found.support.y, support.y)
    if not learner.facts.stochastic:  # draws of its own in each adaptation
        assert torch.allclose(found(x), whole(x), atol=1e-4, rtol=1e-4)


def test_values_and_classes_without_names() -> None:
    learner = learners.R2D2(nn.MLP(4, (8,)), penalty=0.1, likelihood=Gaussian())
    a, b, y = rows(6, 0), rows(3, 1), rows(9, 2)[:, :1]
    found = updated(learner(Examples.of(a, y[:6])), Examples.of(b, y[6:]))
    assert torch.allclose(found(rows(5, 9)), learner(Examples.of(torch.cat([a, b]), y))(rows(5, 9)), atol=1e-5)
    centroid = learners.NearestCentroid()
    more = updated(centroid(Examples.of(a, [0, 0, 1, 1, 1, 0])), Examples.of(b, [0, 2, 1]))
    assert more.classes is None and more(a).shape == (6, 3)


def test_padding_is_no_example() -> None:
    learner = learners.NearestCentroid()
    support = Examples(rows(4, 0), torch.eye(2).repeat(2, 1), torch.tensor([1.0, 1.0, 1.0, 0.0]))
    more = Examples(rows(2, 1), torch.eye(2), torch.tensor([1.0, 0.0]))
    found = updated(learner(support), more)
    whole = learner(Examples(torch.cat([support.x[:3], more.x[:1]]), torch.eye(2)[[0, 1, 0, 0]], torch.ones(4)))
    assert torch.allclose(found(rows(3, 5)), whole(rows(3, 5)), atol=1e-6)


def test_a_file_keeps_the_support_set_and_the_threshold(tmp_path: Path) -> None:
    learner = learners.ProtoNet(nn.MLP(4, (8,)))
    threshold = Threshold(0.25, "tasks", 100, 0.05, 20, 0.5)
    predictor = replace(learner(Examples.of(rows(6, 0), [0, 0, 1, 1, 2, 2]), ["a", "b", "c"]), threshold=threshold)
    save(predictor, tmp_path / "p")
    read = load(tmp_path / "p")
    assert read.threshold == threshold and read.support is not None and predictor.support is not None
    assert torch.equal(read.support.x, predictor.support.x) and torch.equal(read.support.y, predictor.support.y)
    more = Examples.of(rows(2, 1), [0, 1]), ["d", "a"]
    assert torch.equal(updated(read, *more)(rows(5, 9)), updated(predictor, *more)(rows(5, 9)))
    assert updated(read, *more).threshold is None, "it was calibrated for another support set"
    small = tmp_path / "small"
    save(replace(predictor, support=None), small)
    assert load(small).support is None and small.stat().st_size < (tmp_path / "p").stat().st_size
    with pytest.raises(LearnerError, match="does not keep its support set"):
        updated(load(small), *more)


def test_the_kept_support_set_is_the_predictors_own() -> None:
    x = rows(4, 0)
    predictor = learners.NearestCentroid()(Examples.of(x, [0, 1, 0, 1]))
    x.zero_()
    assert predictor.support is not None and torch.equal(predictor.support.x, rows(4, 0))


BAD: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "shape": (lambda: (Examples.of(torch.zeros(2, 3), [0, 1]), ["a", "b"]), ShapeError, r"\(4,\)"),
    "names": (lambda: (Examples.of(rows(2, 1), [0, 1]), ["a"]), ShapeError, "1 class names for 2 ways"),
    "same names": (lambda: (Examples.of(rows(2, 1), [0, 1]), ["a", "a"]), DataError, "two classes have the name 'a'"),
    "unnamed": (lambda: (Examples.of(rows(4, 1), [0, 1, 2, 3]), None), ShapeError, "Name each"),
    "no number": (lambda: (Examples(rows(2, 1) / 0, torch.eye(2), torch.ones(2)), ["a", "b"]), DataError, "NaN or infinite"),
    "values": (lambda: (Examples.of(rows(2, 1), [0.5, 1.5]), None), LearnerError, "values"),
    "no examples": (lambda: (rows(2, 1), None), LearnerError, "Examples"),
}


@pytest.mark.parametrize(("make", "error", "says"), BAD.values(), ids=BAD)
def test_bad_examples(make: Callable[[], Any], error: type[Exception], says: str) -> None:
    predictor = learners.NearestCentroid()(Examples.of(rows(6, 0), [0, 0, 1, 1, 2, 2]), ["a", "b", "c"])
    with pytest.raises(error, match=says):
        updated(predictor, *make())


def test_a_network_of_fixed_width_refuses_a_class_too_many() -> None:
    learner = learners.MAML(nn.MLP(4, (8,), outputs=2), inner_lr=0.1)
    predictor = learner(Examples.of(rows(4, 0), [0, 1, 0, 1]), ["a", "b"])
    with pytest.raises(ShapeError, match="2 outputs, but the task has 3 ways"):
        updated(predictor, Examples.of(rows(1, 1), [0], 1), ["c"])
