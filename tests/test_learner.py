"""A learner is called with a support set and gives a predictor: in eval mode, without a graph, by name."""

import pytest
import torch
from torch import nn

from quickstudy import Examples, learners
from quickstudy.errors import LearnerError, ShapeError
from quickstudy.inputs.images import Images
from quickstudy.likelihood import ABSENT, Categorical, Gaussian
from quickstudy.nn import MLP


def support() -> Examples:
    return Examples.of(torch.randn(6, 4), torch.arange(6) % 3)


def test_a_predictor_is_in_eval_mode_and_keeps_no_graph() -> None:
    encoder = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5))
    learner = learners.ProtoNet(encoder).train()
    encoder[2].eval()
    predictor, x = learner(support()), torch.randn(5, 4)
    first = predictor(x)
    assert torch.equal(first, predictor(x)) and not first.requires_grad
    assert all(not leaf.requires_grad for leaf in predictor.state)
    assert learner.training and encoder[1].training and not encoder[2].training
    assert encoder[1].num_batches_tracked == 0


def test_names_and_probabilities() -> None:
    examples = Examples.of(torch.tensor([[0.0], [5.0]]), [0, 1])
    predictor = learners.NearestCentroid()(examples, classes=("low", "high"))
    assert predictor.names(torch.tensor([[1.0], [4.0]])) == predictor.names([[1.0], [4.0]]) == ["low", "high"]
    assert learners.NearestCentroid()(examples).names([[4.0]]) == ["1"]
    torch.testing.assert_close(predictor.probabilities([[1.0]]).sum(-1), torch.ones(1))
    with pytest.raises(ShapeError, match="1 class names for 2 ways"):
        learners.NearestCentroid()(examples, classes=("low",))


def test_predictors_know_how_images_were_made() -> None:
    learner = learners.NearestCentroid()
    learner.reads = Images()
    assert learner(support()).reads == Images()


@pytest.mark.parametrize("outputs", [3, 7])
def test_a_network_may_be_wider_than_the_ways(outputs: int) -> None:
    learner = learners.MAML(MLP(4, (8,), outputs=outputs), inner_lr=0.5)
    examples = Examples.of(torch.randn(6, 4), torch.tensor([0, 2, 0, 2, 0, 2]), ways=3)
    found = learner(examples)(torch.randn(5, 4))
    assert found.shape == (5, 3) and (found[:, 1] == ABSENT).all() and (found[:, [0, 2]].abs() < 100).all()


def test_inner_loops_work_in_inference_mode() -> None:
    learner = learners.MAML(MLP(4, outputs=3, norm=True), inner_lr=0.5)
    examples, x = support(), torch.randn(5, 4)
    expected = learner(examples)(x)
    with torch.inference_mode():
        inside = Examples.of(examples.x.clone(), examples.labels)
        assert inside.x.is_inference() and torch.equal(learner(inside)(x), expected)


def test_a_network_whose_weights_are_all_frozen_cannot_adapt() -> None:
    learner = learners.MAML(MLP(4, outputs=3)).requires_grad_(False)
    with pytest.raises(LearnerError, match="requires_grad_"):
        learner(support())
    assert learners.MAML(MLP(4, outputs=3), inner_steps=0).requires_grad_(False)(support())(torch.randn(2, 4)).shape == (2, 3)


def test_an_empty_support_set_gives_an_answer_without_a_preference() -> None:
    nothing = support()[:0]
    for learner in (learners.ProtoNet(nn.Flatten()), learners.NearestNeighbours(), learners.LogisticRegression()):
        torch.testing.assert_close(learner(nothing).probabilities(torch.randn(2, 4)), torch.full((2, 3), 1 / 3))


def test_repr_names_the_policy() -> None:
    text = repr(learners.MAML(MLP(4, outputs=2, norm=True), norm="batch"))
    assert text.startswith("MAML(") and "norm=batch, transductive, gradient=exact" in text and "BatchNorm(layers.1" in text
    assert "gradient=surrogate" in repr(learners.MAML(MLP(4, outputs=2), first_order=True))


def test_categorical() -> None:
    logits, y, mask = torch.randn(6, 4), torch.eye(4)[[0, 1, 2, 3, 0, 1]], torch.tensor([1.0, 1, 1, 1, 0, 0])
    likelihood = Categorical()
    torch.testing.assert_close(likelihood.nll(logits, y, mask), nn.functional.cross_entropy(logits[:4], y[:4].argmax(-1)))
    expected = (logits[:4].argmax(-1) == y[:4].argmax(-1)).float().mean()
    assert likelihood.score(logits, y, mask) == expected
    torch.testing.assert_close(likelihood.distribution(logits).log_prob(y), -likelihood.each(logits, y))
    assert likelihood.present(y, mask).tolist() == [1, 1, 1, 1] and likelihood.present(y, 0 * mask).tolist() == [0] * 4


@pytest.mark.parametrize("variance", [0.5, 2.0])
def test_gaussian(variance: float) -> None:
    mean, y, mask = torch.randn(6, 2), torch.randn(6, 2), torch.ones(6)
    likelihood = Gaussian(variance)
    torch.testing.assert_close(likelihood.distribution(mean).log_prob(y), -likelihood.each(mean, y))
    torch.testing.assert_close(likelihood.score(mean, y, mask), nn.functional.mse_loss(mean, y))
    leaf = mean.clone().requires_grad_()
    (grad,) = torch.autograd.grad(likelihood.nll(leaf, y, mask), leaf)
    torch.testing.assert_close(grad, (mean - y) / variance / 6)
