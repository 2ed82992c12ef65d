"""Heads around a prior: offsets and weights of rows are those of generalized linear models; ridge has a closed form."""

import pytest
import torch
from sklearn.linear_model import LogisticRegression, Ridge
from torch import Tensor, nn

from quickstudy import Examples, learners
from quickstudy.errors import LearnerError
from quickstudy.functional import logistic, ridge
from quickstudy.likelihood import Gaussian, Labels


def classes(rows: int, features: int, ways: int) -> Examples:
    labels = torch.arange(rows) % ways
    centres = 0.3 * torch.randn(ways, features, dtype=torch.float64)[labels]
    return Examples.of(centres + torch.randn(rows, features, dtype=torch.float64), labels)


def with_bias(x: Tensor) -> Tensor:
    return torch.cat([x, torch.ones_like(x[:, :1])], 1).detach()


@pytest.mark.parametrize("features", [2, 30], ids=["S > D", "S < D"])
def test_logistic_with_offsets_and_weights_is_a_generalized_linear_model(features: int) -> None:
    """Binomial regression of statsmodels, log-odds with an offset, rows with weights: a penalised fit has its slope at λ w."""
    api = pytest.importorskip("statsmodels.api")
    support, penalty = classes(24, features, 2), 0.4
    offset, weights = torch.randn(24, 2, dtype=torch.float64), 0.1 + torch.rand(24, dtype=torch.float64)
    weight, bias = logistic(support.x, support.y, weights, torch.tensor(penalty, dtype=torch.float64), offset_SN=offset)
    odds = torch.cat([weight[1] - weight[0], bias[1:] - bias[:1]])
    model = api.GLM(
        support.labels.numpy(),
        with_bias(support.x).numpy(),
        family=api.families.Binomial(),
        offset=(offset[:, 1] - offset[:, 0]).numpy(),
        var_weights=weights.numpy(),
    )
    score = torch.from_numpy(model.score(odds.numpy()))
    torch.testing.assert_close(score, penalty / 2 * odds, rtol=1e-7, atol=1e-9)
    if features == 2:  # hardly any penalty: the model itself
        free = logistic(support.x, support.y, weights, torch.tensor(1e-9, dtype=torch.float64), offset_SN=offset)
        odds = torch.cat([free[0][1] - free[0][0], free[1][1:] - free[1][:1]])
        torch.testing.assert_close(odds, torch.from_numpy(model.fit(tol=1e-12).params), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("features", [3, 30], ids=["S > D", "S < D"])
def test_class_weights_are_scikit_learns(features: int) -> None:
    labels = torch.tensor([0] * 14 + [1] * 5 + [2] * 2)
    support = Examples.of(torch.randn(21, features, dtype=torch.float64) + 0.5 * labels[:, None], labels)
    queries = torch.randn(9, features, dtype=torch.float64)
    baseline = LogisticRegression(C=2.0, fit_intercept=False, class_weight="balanced", max_iter=10_000, tol=1e-10)
    baseline.fit(with_bias(support.x).numpy(), labels.numpy())
    learner = learners.LRD2(nn.Flatten(), penalty=0.5, balanced=True).double()
    expected = torch.from_numpy(baseline.predict_proba(with_bias(queries).numpy()))
    torch.testing.assert_close(learner(support).probabilities(queries), expected, rtol=0, atol=1e-6)
    rows = (21 / 3 / torch.tensor([14.0, 5.0, 2.0], dtype=torch.float64))[labels]
    fitted = Ridge(alpha=0.5, fit_intercept=False).fit(with_bias(support.x).numpy(), support.y.numpy(), rows.numpy())
    regressed = learners.R2D2(nn.Flatten(), penalty=0.5, scale=1.0, balanced=True).double()
    expected = torch.from_numpy(fitted.predict(with_bias(queries).numpy()))
    torch.testing.assert_close(regressed(support)(queries), expected, rtol=1e-6, atol=1e-6)


def test_a_repeated_row_is_one_of_twice_the_weight() -> None:
    support, penalty = classes(9, 4, 3), torch.tensor(0.2, dtype=torch.float64)
    twice = Examples(*(torch.cat([part, part[:3]]) for part in (support.x, support.y, support.mask)))
    weights = torch.tensor([2.0] * 3 + [1.0] * 6, dtype=torch.float64)
    for fit in (logistic, ridge):
        torch.testing.assert_close(
            fit(support.x, support.y, weights, penalty), fit(twice.x, twice.y, twice.mask, penalty), rtol=1e-8, atol=1e-8
        )


def test_weights_shrink_to_those_of_the_prior() -> None:
    """``‖W − W₀‖²``: a linear prior W₀ is the same as the penalty's centre. Ridge regression has it in closed form."""
    support, penalty = classes(10, 6, 3), 0.7
    prior = nn.Linear(6, 3).double()
    centre = torch.cat([prior.weight, prior.bias[:, None]], 1).detach()
    rows = with_bias(support.x)
    ridge_found = learners.R2D2(nn.Flatten(), penalty=penalty, scale=1.0, prior=prior).double()(support)
    system = rows.T @ rows + penalty * torch.eye(7, dtype=torch.float64)
    expected = torch.linalg.solve(system, rows.T @ support.y + penalty * centre.T)
    queries = torch.randn(5, 6, dtype=torch.float64)
    torch.testing.assert_close(ridge_found(queries), with_bias(queries) @ expected, rtol=1e-6, atol=1e-6)
    learner = learners.LRD2(nn.Flatten(), penalty=penalty, prior=prior, scale=3.0).double()
    logits = learner(support)(torch.cat([torch.zeros(1, 6), torch.eye(6)]).double()) / 3
    weights = torch.cat([logits[1:] - logits[:1], logits[:1]])
    slope = rows.T @ ((rows @ weights).softmax(-1) - support.y) + penalty * (weights - centre.T)
    assert slope.abs().max() < 1e-6


def test_without_examples_the_answer_is_the_priors() -> None:
    none = Examples(torch.zeros(2, 4), torch.zeros(2, 3), torch.zeros(2))
    prior, queries = nn.Linear(4, 3), torch.randn(5, 4)
    for learner in (learners.LRD2(nn.Flatten(), prior=prior), learners.R2D2(nn.Flatten(), prior=prior, scale=1.0)):
        for empty in (none, none[:0]):
            state = learner.adapt(empty.replace(learner.encode(empty.x)))
            torch.testing.assert_close(learner.predict(state, learner.encode(queries)), prior(queries))


def test_labels_shrink_to_the_prior() -> None:
    """Each label by itself: the slope of its binomial likelihood is λ / 2 times the change of its log-odds."""
    x, y = torch.randn(12, 4, dtype=torch.float64), (torch.rand(12, 2) > 0.4).double()
    prior = nn.Linear(4, 2).double()
    learner = learners.LRD2(nn.Flatten(), penalty=0.6, likelihood=Labels(), prior=prior).double()
    state = learner.adapt(Examples(learner.encode(x), y, torch.ones(12, dtype=torch.float64)))
    slope = with_bias(x).T @ (y - (prior(x) + state(x)).sigmoid())
    change = torch.cat([state.weight, state.bias[:, None]], 1).T
    torch.testing.assert_close(slope.detach(), 0.3 * change.detach(), rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize(("rows", "features"), [(6, 20), (30, 4)])
def test_the_gradient_reaches_offsets_and_the_prior(rows: int, features: int) -> None:
    support, penalty = classes(rows, features, 3), torch.tensor(0.3, dtype=torch.float64)
    weights, offset = 0.2 + torch.rand(rows, dtype=torch.float64), torch.randn(rows, 3, dtype=torch.float64)
    direction = torch.randn(3, features, dtype=torch.float64)

    def value(x: Tensor, offset: Tensor, penalty: Tensor) -> Tensor:
        weight, bias = logistic(x, support.y, weights, penalty, offset_SN=offset)
        return (weight * direction).sum() + bias.square().sum()

    given = [part.requires_grad_() for part in (support.x, offset, penalty)]
    assert torch.autograd.gradcheck(value, given, eps=1e-5, atol=1e-6)


def test_only_classes_have_class_weights() -> None:
    for make in (
        lambda: learners.LRD2(nn.Flatten(), balanced=True, likelihood=Labels()),
        lambda: learners.R2D2(nn.Flatten(), balanced=True, likelihood=Gaussian()),
    ):
        with pytest.raises(LearnerError, match="balanced=True needs classes"):
            make()
