"""Heads solved for: ridge regression and logistic regression are what textbooks and scikit-learn say they are."""

import pytest
import torch
from sklearn.linear_model import LogisticRegression, Ridge
from torch import Tensor, nn

from quickstudy import Examples, datasets, learners, tasks, train
from quickstudy.errors import LearnerError
from quickstudy.functional import logistic, ridge
from quickstudy.likelihood import Gaussian


def classes(rows: int, features: int, ways: int, spread: float = 1.0) -> Examples:
    labels = torch.arange(rows) % ways
    centres = 0.3 * torch.randn(ways, features, dtype=torch.float64)[labels]
    return Examples.of(spread * (centres + torch.randn(rows, features, dtype=torch.float64)), labels)


def ones(count: int) -> Tensor:
    return torch.ones(count, dtype=torch.float64)


def with_bias(x: Tensor) -> Tensor:
    return torch.cat([x, torch.ones_like(x[:, :1])], 1).detach()


def test_ridge_is_the_same_between_rows_and_between_features() -> None:
    """``Xᵀ (X Xᵀ + λI)^{-1} Y = (Xᵀ X + λI)^{-1} Xᵀ Y``: rows of padding choose the other form and change nothing."""
    x, y, penalty = torch.randn(6, 8, dtype=torch.float64), torch.randn(6, 2, dtype=torch.float64), torch.tensor(0.7)
    padded = [torch.cat([part, torch.randn(5, part.shape[1], dtype=torch.float64)]) for part in (x, y)]
    mask = torch.cat([ones(6), torch.zeros(5, dtype=torch.float64)])
    torch.testing.assert_close(ridge(*padded, mask, penalty), ridge(x, y, ones(6), penalty))


@pytest.mark.parametrize("features", [3, 30], ids=["S > D", "S < D"])
def test_ridge_is_scikit_learns(features: int) -> None:
    x, y = torch.randn(12, features, dtype=torch.float64), torch.randn(12, 2, dtype=torch.float64)
    baseline = Ridge(alpha=0.5, fit_intercept=False).fit(with_bias(x).numpy(), y.numpy())
    weight, bias = ridge(x, y, ones(12), torch.tensor(0.5))
    torch.testing.assert_close(torch.cat([weight, bias[:, None]], 1), torch.from_numpy(baseline.coef_))


def test_r2d2_on_values_is_scikit_learns_ridge_on_the_features() -> None:
    encoder = nn.Sequential(nn.Linear(1, 20), nn.Tanh()).double()
    learner = learners.R2D2(encoder, penalty=0.1, likelihood=Gaussian())
    x, y = torch.randn(10, 1, dtype=torch.float64), torch.randn(10, 1, dtype=torch.float64)
    queries = torch.randn(7, 1, dtype=torch.float64)
    baseline = Ridge(alpha=0.1, fit_intercept=False).fit(with_bias(encoder(x)).numpy(), y.numpy())
    found = learner(Examples(x, y, ones(10)))(queries)
    expected = torch.from_numpy(baseline.predict(with_bias(encoder(queries)).numpy())).reshape(7, 1)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("ways", [3, 5])
@pytest.mark.parametrize(("rows", "features"), [(5, 60), (25, 60), (60, 8)])
@pytest.mark.parametrize("C", [0.1, 1.0, 10.0])
def test_logistic_is_scikit_learns(rows: int, features: int, ways: int, C: float) -> None:
    support = classes(rows, features, ways)
    baseline = LogisticRegression(C=C, fit_intercept=False, max_iter=10_000, tol=1e-10)
    baseline.fit(with_bias(support.x).numpy(), support.labels.numpy())
    weight, bias = logistic(support.x, support.y, support.mask, torch.tensor(1 / C, dtype=torch.float64))
    queries = torch.randn(50, features, dtype=torch.float64)
    expected = torch.from_numpy(baseline.predict_proba(with_bias(queries).numpy()))
    torch.testing.assert_close((queries @ weight.T + bias).softmax(-1), expected, rtol=0, atol=1e-5)


def together(support: Examples, penalty: Tensor, steps: int = 50) -> Tensor:
    """Weights and biases as one matrix, (N, D + 1)."""
    weight, bias = logistic(support.x, support.y, support.mask, penalty, steps)
    return torch.cat([weight, bias[:, None]], 1)


def test_two_classes_are_scikit_learns_at_half_the_penalty() -> None:
    support = classes(12, 30, 2)
    baseline = LogisticRegression(C=2.0, fit_intercept=False, max_iter=10_000, tol=1e-10)
    baseline.fit(with_bias(support.x).numpy(), support.labels.numpy())
    found = together(support, torch.tensor(1.0, dtype=torch.float64))
    torch.testing.assert_close(found[1] - found[0], torch.from_numpy(baseline.coef_[0]), rtol=1e-4, atol=1e-6)


def test_newton_squares_the_error() -> None:
    """Near the optimum each step more than doubles the digits; the systems are solved as exactly as that asks for."""
    support, penalty = classes(25, 40, 5, spread=3.0), torch.tensor(1.0, dtype=torch.float64)
    best = together(support, penalty)
    errors = [float((together(support, penalty, steps=k) - best).norm()) for k in (4, 5, 6)]
    assert errors[1] < 0.2 * errors[0]
    assert errors[2] < errors[1] ** 1.3 / errors[0] ** 0.3


@pytest.mark.parametrize("penalty", [0.01, 1.0])
def test_it_reaches_the_optimum_where_whole_steps_would_not(penalty: float) -> None:
    """Features far from their centre, one example of each of 20 classes: the slope of the objective is zero at the end."""
    x = 1 + 0.5 * torch.randn(20, 64, dtype=torch.float64)
    support = Examples.of(x, torch.arange(20))
    both = together(support, torch.tensor(penalty, dtype=torch.float64))
    rows = with_bias(x)
    slope = rows.T @ ((rows @ both.T).softmax(-1) - support.y) + penalty * both.T
    assert slope.abs().max() < 1e-8


def test_two_classes_meet_where_the_papers_steps_end() -> None:
    """LR-D2: ``w ← Xᵀ (X Xᵀ + λ S^{-1})^{-1} (X w + S^{-1} (y − μ))``, S the variances μ (1 − μ), for log-odds."""
    support, penalty = classes(9, 20, 2), torch.tensor(1.5, dtype=torch.float64)
    x, y, weight = with_bias(support.x), support.y[:, 1], torch.zeros(21, dtype=torch.float64)
    for _ in range(20):
        odds = x @ weight
        likely = odds.sigmoid()
        inverse = torch.diag(1 / (likely * (1 - likely)))
        weight = x.T @ torch.linalg.solve(x @ x.T + penalty * inverse, odds + inverse @ (y - likely))
    found = together(support, 2 * penalty)
    torch.testing.assert_close(found[1] - found[0], weight)


@pytest.mark.parametrize(("rows", "features"), [(6, 20), (30, 4)])
def test_the_gradient_is_that_of_the_optimum(rows: int, features: int) -> None:
    """By every feature and by the penalty, for weights of any direction, against central differences."""
    support, penalty = classes(rows, features, 3), torch.tensor(0.3, dtype=torch.float64)
    direction = torch.randn(3, features + 1, dtype=torch.float64)

    def value(x: Tensor, penalty: Tensor) -> Tensor:
        return (together(support.replace(x), penalty) * direction).sum()

    assert torch.autograd.gradcheck(value, (support.x.requires_grad_(), penalty.requires_grad_()), eps=1e-5, atol=1e-6)


def test_tasks_of_one_batch_are_done_one_by_one() -> None:
    """A task that is done stays as it is: easy and hard ones together give what each gives alone, and their gradients."""
    spreads = (0.1, 1.0, 10.0)
    each = [classes(12, 8, 3, spread) for spread in spreads]
    x, y, mask = (torch.stack([getattr(task, name) for task in each]) for name in ("x", "y", "mask"))
    penalty = torch.tensor(0.01, dtype=torch.float64)
    many = torch.func.vmap(logistic, in_dims=(0, 0, 0, None))(x.requires_grad_(), y, mask, penalty)
    slopes = torch.autograd.grad(sum((part**2).sum() for part in many), x)[0]
    for n, task in enumerate(each):
        alone = task.x.clone().requires_grad_()
        one = logistic(alone, task.y, task.mask, penalty)
        for a, b in zip(many, one, strict=True):
            torch.testing.assert_close(a[n], b, rtol=1e-9, atol=1e-9)
        slope = torch.autograd.grad(sum((part**2).sum() for part in one), alone)[0]
        torch.testing.assert_close(slopes[n], slope, rtol=1e-7, atol=1e-7)


def test_a_hardly_penalised_head_is_scikit_learns_too() -> None:
    """λ = 0.01, 20 ways: five steps of Newton's method were off by 0.13 in probability."""
    support = classes(200, 64, 20, spread=3.0)
    baseline = LogisticRegression(C=100.0, fit_intercept=False, max_iter=100_000, tol=1e-12)
    baseline.fit(with_bias(support.x).numpy(), support.labels.numpy())
    queries = torch.randn(50, 64, dtype=torch.float64)
    expected = torch.from_numpy(baseline.predict_proba(with_bias(queries).numpy()))
    both = together(support, torch.tensor(0.01, dtype=torch.float64))
    torch.testing.assert_close((with_bias(queries) @ both.T).softmax(-1), expected, rtol=0, atol=1e-4)


def test_no_rows_are_no_knowledge() -> None:
    for penalty in (0.1, 1.0):
        weight, bias = logistic(torch.zeros(0, 4), torch.zeros(0, 3), torch.zeros(0), torch.tensor(penalty))
        assert weight.shape == (3, 4) and not weight.any() and not bias.any()


@pytest.mark.parametrize("spread", [0.1, 1.0, 3.0])
@pytest.mark.parametrize("penalty", [0.01, 1.0])
def test_single_precision_finds_the_same_classes(spread: float, penalty: float) -> None:
    """More rows than features and hardly a penalty: systems that single precision alone could not solve."""
    support = classes(60, 5, 4, spread)
    found = []
    for kind in (torch.float32, torch.float64):
        same = Examples(support.x.to(kind), support.y.to(kind), support.mask.to(kind))
        found.append(together(same, torch.tensor(penalty, dtype=kind)).double())
    a, b = ((with_bias(support.x) @ both.T).softmax(-1) for both in found)
    torch.testing.assert_close(a, b, rtol=0, atol=1e-3)


@pytest.mark.parametrize("penalty", [0.1, 10.0])
def test_steps_in_single_precision_end_at_the_optimum_of_double(penalty: float) -> None:
    """Steps need not be exact, slopes are: the weights are those of double precision, as far as the features are the same."""
    x = nn.functional.normalize(torch.randn(60, 96) + torch.randn(12, 96).repeat(5, 1), dim=1)
    found = []
    for kind in (torch.float32, torch.float64):
        y = torch.eye(12, dtype=kind).repeat(5, 1)
        found.append(together(Examples(x.to(kind), y, torch.ones(60, dtype=kind)), torch.tensor(penalty, dtype=kind)).double())
    torch.testing.assert_close(*found, rtol=1e-5, atol=1e-6)


def test_absent_classes_and_padding_are_not_there() -> None:
    support = classes(8, 10, 3)
    wider = Examples(
        torch.cat([support.x, torch.full((2, 10), 7.0, dtype=torch.float64)]),
        torch.cat([nn.functional.pad(support.y, (0, 2)), torch.zeros(2, 5, dtype=torch.float64)]),
        torch.tensor([1.0] * 8 + [0.0] * 2, dtype=torch.float64),
    )
    for learner in (learners.R2D2(nn.Flatten()), learners.LRD2(nn.Flatten())):
        found, bare = learner.double()(wider), learner(support)
        queries = torch.randn(4, 10, dtype=torch.float64)
        torch.testing.assert_close(found(queries)[:, :3], bare(queries))
        assert (found(queries)[:, 3:] == -1e4).all()


@pytest.mark.parametrize(("ways", "shots"), [(2, 1), (3, 4)])
def test_penalty_and_scale_follow_shots_and_ways(ways: int, shots: int) -> None:
    """``λ k^a N^b`` in the place of λ, and logits times ``t k^c N^d``."""
    support, x = classes(ways * shots, 5, ways), torch.randn(7, 5, dtype=torch.float64)
    learner = learners.LogisticByShots(nn.Flatten(), penalty=0.2, scale=3.0).double()
    a, b, c, d = -0.7, 0.3, 0.4, -0.2
    values = {"penalty_by_shots": a, "penalty_by_ways": b, "scale_by_shots": c, "scale_by_ways": d}
    for name, value in values.items():
        learner.get_parameter(name).data.fill_(value)
    plain = learners.LRD2(nn.Flatten(), penalty=0.2 * shots**a * ways**b).double()
    torch.testing.assert_close(learner(support)(x), 3 * shots**c * ways**d * plain(support)(x), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("kind", [learners.R2D2, learners.LRD2])
def test_features_beyond_all_bounds_are_told_by_training(kind) -> None:  # type: ignore[no-untyped-def]
    source = tasks.FewShot(datasets.from_arrays(torch.randn(60, 4), torch.arange(60) % 6), 3, 1, 2)
    learner = kind(nn.Linear(4, 4))
    learner.encoder.weight.data.mul_(1e30)
    optimizer = torch.optim.SGD(learner.parameters(), 0.1)
    with pytest.raises(LearnerError, match="step 1: the loss is nan"):
        next(train(learner, source, steps=1, batch=2, optimizer=optimizer))


def test_one_class_alone_is_certain() -> None:
    support = Examples.of(torch.randn(3, 4), torch.tensor([0, 0, 0]))
    for learner in (learners.R2D2(nn.Flatten()), learners.LRD2(nn.Flatten())):
        assert learner(support).probabilities(torch.randn(2, 4)).tolist() == [[1.0], [1.0]]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: learners.R2D2(nn.Flatten(), penalty=0.0), "penalty=0.0"),
        (lambda: learners.R2D2(nn.Flatten(), scale=-1.0), "scale=-1.0"),
        (lambda: learners.LRD2(nn.Flatten(), penalty=-1.0), "penalty=-1.0"),
        (lambda: learners.LRD2(nn.Flatten(), steps=0), "steps=0"),
        (lambda: learners.LogisticByShots(nn.Flatten(), scale=0.0), "scale=0.0"),
    ],
)
def test_bad_numbers_are_named(make, said) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(LearnerError, match=said):
        make()
