"""The traditional learners are what their names say: scikit-learn agrees."""

import numpy as np
import pytest
import torch
from sklearn import linear_model, neighbors
from torch import nn

from quickstudy import Examples, datasets, learners, tasks
from quickstudy.errors import LearnerError
from quickstudy.execution.batching import meta_gradient
from quickstudy.functional import Adam
from quickstudy.nn import MLP


def task(ways: int = 4, shots: int = 5) -> tuple[Examples, torch.Tensor]:
    labels = torch.arange(ways).repeat_interleave(shots)
    centres = torch.randn(ways, 2, 3)
    x = centres[labels] + torch.randn(len(labels), 2, 3)
    return Examples.of(x, labels), torch.randn(40, 2, 3)


def flat(x: torch.Tensor) -> np.ndarray:
    return x.flatten(1).double().numpy()


@pytest.mark.parametrize("ways", [2, 4])
@pytest.mark.parametrize("C", [0.1, 1.0])
def test_logistic_regression(ways: int, C: float) -> None:
    support, x = task(ways)
    theirs = linear_model.LogisticRegression(C=C, max_iter=1000, tol=1e-8).fit(flat(support.x), support.labels.numpy())
    mine = learners.LogisticRegression(C)(support).probabilities(x)
    np.testing.assert_allclose(mine.numpy(), theirs.predict_proba(flat(x)), atol=2e-3)


def test_logistic_regression_of_one_class_answers_with_it() -> None:
    support = Examples.of(torch.randn(3, 4), torch.tensor([1, 1, 1]), ways=3)
    assert learners.LogisticRegression()(support).names(torch.randn(5, 4)) == ["1"] * 5


@pytest.mark.parametrize("k", [1, 3, 7])
def test_nearest_neighbours(k: int) -> None:
    """Where votes are equal scikit-learn takes the first class, we the one with the nearest example."""
    support, x = task()
    theirs = neighbors.KNeighborsClassifier(k).fit(flat(support.x), support.labels.numpy())
    votes = np.sort(theirs.predict_proba(flat(x)), axis=1)
    clear = votes[:, -1] > votes[:, -2]
    mine = np.array(learners.NearestNeighbours(k)(support).names(x)).astype(int)
    assert clear.sum() > 20 and (mine == theirs.predict(flat(x)))[clear].all()
    nearest = neighbors.KNeighborsClassifier(1).fit(flat(support.x), support.labels.numpy()).predict(flat(x))
    tied = (~clear) & np.array([nearest[i] in np.flatnonzero(v == v.max()) for i, v in enumerate(theirs.predict_proba(flat(x)))])
    assert (mine == nearest)[tied].all()


def test_nearest_neighbours_with_more_voters_than_examples() -> None:
    support = Examples.of(torch.tensor([[0.0], [1.0], [1.1]]), torch.tensor([0, 1, 1]))
    assert learners.NearestNeighbours(50)(support).names(torch.tensor([[0.0], [2.0]])) == ["1", "1"]


def test_nearest_centroid() -> None:
    support, x = task()
    theirs = neighbors.NearestCentroid().fit(flat(support.x), support.labels.numpy()).predict(flat(x))
    assert learners.NearestCentroid()(support).names(x) == [str(label) for label in theirs]


def test_from_scratch_is_ordinary_training() -> None:
    support, x = task()
    network = nn.Sequential(nn.Flatten(), nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 4))
    learner = learners.FromScratch(network, rule=Adam(0.05), steps=20)
    optimizer = torch.optim.Adam(network.parameters(), 0.05)
    mine = learner(support)(x)
    for _ in range(20):
        optimizer.zero_grad()
        torch.autograd.backward(nn.functional.cross_entropy(network(support.x), support.labels))
        optimizer.step()
    torch.testing.assert_close(mine, network(x).detach(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("tune_encoder", [True, False])
def test_fine_tuning_is_ordinary_training_from_a_head_of_zeros(tune_encoder: bool) -> None:
    support, x = task()
    encoder = MLP(6, (8,), norm=True)
    encoder(torch.randn(50, 6))
    learner = learners.FineTune(encoder, features=8, classes=9, rule=Adam(0.05), steps=20, tune_encoder=tune_encoder).eval()
    before = {name: w.clone() for name, w in learner.state_dict().items()}
    mine = learner(support)(x)
    assert all(before[name].equal(w) for name, w in learner.state_dict().items())
    head = nn.Linear(8, 4)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    moving = [*head.parameters(), *(encoder.parameters() if tune_encoder else [])]
    optimizer = torch.optim.Adam(moving, 0.05)
    for _ in range(20):
        optimizer.zero_grad()
        torch.autograd.backward(nn.functional.cross_entropy(head(encoder(support.x)), support.labels))
        optimizer.step()
    torch.testing.assert_close(mine, head(encoder(x)).detach(), rtol=1e-4, atol=1e-4)


def test_fine_tuning_leaves_frozen_weights() -> None:
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 8))
    encoder[1].requires_grad_(False)
    learner = learners.FineTune(encoder, features=8, classes=3, steps=2)
    state = learner(task()[0]).state
    assert set(state.weights) == {"encoder.3.weight", "encoder.3.bias", "head.weight", "head.bias"}


def test_of_a_head_tuned_alone_the_head_is_remembered() -> None:
    learner = learners.FineTune(MLP(6, (8,)), features=8, classes=3, steps=2, tune_encoder=False)
    assert set(learner(task()[0]).state.weights) == {"head.weight", "head.bias"}


def test_pre_training_is_an_ordinary_mini_batch() -> None:
    index = datasets.from_arrays(torch.randn(60, 6), torch.arange(60) % 10)
    source = tasks.Supervised(index, 16)
    encoder = MLP(6, (8,), norm=True)
    learner = learners.FineTune(encoder, features=8, classes=10).train()
    plan = source.plan(1, torch.Generator().manual_seed(0))
    rows = plan.rows[0]
    loss = nn.functional.cross_entropy(learner.head(encoder(index.gather(rows))), index.labels[rows])
    expected = torch.autograd.grad(loss, list(learner.parameters()))
    found = meta_gradient(learner, source.gather(plan))
    torch.testing.assert_close(found[0], loss.detach())
    for weight, grad in zip(learner.parameters(), expected, strict=True):
        torch.testing.assert_close(weight.grad, grad)


def test_fine_tune_says_what_it_is_pre_trained_on() -> None:
    index = datasets.from_arrays(torch.randn(60, 6), torch.arange(60) % 10)
    learner = learners.FineTune(MLP(6, (8,)), features=8, classes=10)
    with pytest.raises(LearnerError, match="Supervised"):
        meta_gradient(learner, tasks.FewShot(index, 3, 1, 2).sample(2))


@pytest.mark.parametrize(
    "make",
    [
        lambda: learners.NearestNeighbours(0),
        lambda: learners.FromScratch(MLP(2, outputs=2), steps=-1),
        lambda: learners.FineTune(MLP(2), features=40, classes=3, steps=-1),
        lambda: learners.MAML(MLP(2, outputs=2), inner_lr=-0.1),
        lambda: learners.MAML(MLP(2, outputs=2), inner_lr=float("nan")),
        lambda: learners.MAML(MLP(2, outputs=2), inner_steps=-1),
        lambda: learners.MAML(MLP(2, outputs=2), test_steps=-1),
        lambda: learners.Reptile(MLP(2, outputs=2), inner_steps=0),
        lambda: learners.Reptile(MLP(2, outputs=2), inner_batch=0),
        lambda: learners.Reptile(MLP(2, outputs=2), test_steps=-1),
    ],
)
def test_constants_out_of_range_are_refused(make: object) -> None:
    assert callable(make)
    with pytest.raises(LearnerError):
        make()
