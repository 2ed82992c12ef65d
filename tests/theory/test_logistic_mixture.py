"""Bayesian logistic regression: mode by scikit-learn, evidence and prediction by quadrature, gradients of the optimum itself."""

import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from quickstudy import Examples, learners
from quickstudy.errors import LearnerError
from quickstudy.functional import Binary, logistic_mode


def rows(count: int = 12, width: int = 3) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(count, width, generator=generator, dtype=torch.float64)
    return x, (torch.rand(count, generator=generator) < (2 * x[:, 0]).sigmoid()).double()


def test_the_mode_is_that_of_scikit_learn() -> None:
    """Zero mean and covariance I / λ: a logistic regression with a penalty λ and no bias."""
    x, y = rows()
    for penalty in (0.01, 1.0, 30.0):
        root = torch.eye(3, dtype=torch.float64)[None] / math.sqrt(penalty)
        mode = logistic_mode(x, y, torch.ones_like(y), torch.zeros(1, 3, dtype=torch.float64), root, 20)
        model = LogisticRegression(C=1 / penalty, fit_intercept=False, tol=1e-10, max_iter=1000).fit(x.numpy(), y.numpy())
        np.testing.assert_allclose(mode.weight[0].numpy(), model.coef_[0], atol=1e-5)


def test_a_mean_and_a_covariance_of_its_own() -> None:
    """``Σ⁻¹ (w − μ) = Xᵀ (y − p)`` at the mode, and the covariance is the inverse of the Hessian there."""
    x, y = rows()
    generator = torch.Generator().manual_seed(1)
    mean, root = torch.randn(2, 3, generator=generator).double(), torch.randn(2, 3, 3, generator=generator).double()
    mode = logistic_mode(x, y, torch.ones_like(y), mean, root, 20)
    for number in range(2):
        precision = torch.linalg.inv(root[number] @ root[number].mT)
        p = (x @ mode.weight[number]).sigmoid()
        torch.testing.assert_close(precision @ (mode.weight[number] - mean[number]), x.mT @ (y - p))
        hessian = precision + (x * (p * (1 - p))[:, None]).mT @ x
        torch.testing.assert_close(mode.root[number] @ mode.root[number].mT, torch.linalg.inv(hessian))


def test_weights_far_from_the_mode_do_not_diverge() -> None:
    """Plain Newton steps oscillate on a wide prior whose mean is surely wrong; these do not."""
    x = torch.tensor([[1.0], [2.0]], dtype=torch.float64)
    mean, root = torch.full((1, 1), -30.0, dtype=torch.float64), torch.full((1, 1, 1), 20.0, dtype=torch.float64)
    mode = logistic_mode(x, torch.ones(2).double(), torch.ones(2).double(), mean, root, 30)
    p = (x[:, 0] * mode.weight).sigmoid()
    torch.testing.assert_close((mode.weight[0, 0] + 30) / 400, ((1 - p) * x[:, 0]).sum())


def test_evidence_by_quadrature() -> None:
    """Laplace's evidence is close to the integral of likelihood times prior, and says which of two priors made the answers."""
    x, y = rows(10, 1)
    mean, root = torch.tensor([[1.5], [-1.5]]).double(), torch.full((2, 1, 1), 0.7).double()
    mode = logistic_mode(x, y, torch.ones_like(y), mean, root, 20)
    for number in range(2):

        def both(w: float, m: float = float(mean[number, 0])) -> float:
            f = w * x[:, 0]
            fit = float((f * y - nn.functional.softplus(f)).sum())
            return math.exp(fit - (w - m) ** 2 / (2 * 0.49)) / math.sqrt(2 * math.pi * 0.49)

        assert abs(float(mode.evidence[number]) - math.log(quad(both, -10, 10)[0])) < 0.02
    assert mode.evidence[0] > mode.evidence[1] + 1


def learner(components: int = 1, width: int = 3) -> learners.BayesianLogisticRegression:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return learners.BayesianLogisticRegression(nn.Identity(), width, components=components).double()


def test_a_prediction_averages_over_weights() -> None:
    """``∫ σ(w x) N(w; mode, variance) dw`` for one component, within MacKay's approximation."""
    x, y = rows(4, 1)
    with torch.no_grad():
        state = learner(1, 1).adapt(Examples(x, y[:, None], torch.ones_like(y)))
    mode, variance = float(state.weight[0, 0]), float(state.root[0, 0, 0]) ** 2
    for at in (-3.0, 0.5, 2.0):

        def weighed(w: float, at: float = at) -> float:
            return 1 / (1 + math.exp(-w * at)) * math.exp(-((w - mode) ** 2) / (2 * variance))

        right = quad(weighed, -12, 12)[0] / math.sqrt(2 * math.pi * variance)
        said = learner(1, 1).predict(state, torch.tensor([[at]]).double()).sigmoid()
        assert abs(said.item() - right) < 0.01


def test_components_that_are_equal_are_one() -> None:
    x, y = rows()
    support = Examples(x, y[:, None], torch.ones_like(y))
    one, three = learner(1), learner(3)
    with torch.no_grad():
        three.prior_mean.zero_()
    torch.testing.assert_close(one.predict(one.adapt(support), x), three.predict(three.adapt(support), x))


def test_without_examples_it_answers_by_the_prior() -> None:
    made = learner(2)
    state = made.adapt(Examples(torch.zeros(1, 3).double(), torch.zeros(1, 1).double(), torch.zeros(1).double()))
    torch.testing.assert_close(state.weight, made.prior_mean.detach(), check_dtype=False)
    torch.testing.assert_close(state.share.exp(), torch.full((2,), 0.5).double())


def test_an_exchanged_pair_has_the_opposite_answer() -> None:
    made = learner(3)
    x, y = rows()
    state = made.adapt(Examples(x, y[:, None], torch.ones_like(y)))
    torch.testing.assert_close(made.predict(state, -x), -made.predict(state, x))


def test_gradients_are_those_of_the_optimum() -> None:
    x, y = rows()
    mean, root = torch.zeros(2, 3).double().requires_grad_(), torch.eye(3).double().repeat(2, 1, 1).requires_grad_()

    def found(x: Tensor, mean: Tensor, root: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return tuple(logistic_mode(x, y, torch.ones_like(y), mean, root, 20))  # type: ignore[return-value]

    assert torch.autograd.gradcheck(found, (x.requires_grad_(), mean, root))


@pytest.mark.parametrize("wrong", [{"features": 0}, {"components": 0}, {"prior": 0.0}, {"steps": 0}])
def test_what_cannot_be_built(wrong: dict[str, float]) -> None:
    with pytest.raises(LearnerError):
        learners.BayesianLogisticRegression(nn.Identity(), **({"features": 3} | wrong))  # type: ignore[arg-type]


def test_answers_that_are_neither_yes_nor_no() -> None:
    with pytest.raises(LearnerError, match=r"the target of row 1 .* is \[3.0\]"):
        learner(1, 1)(Examples.of(torch.zeros(2, 1).double(), [1.0, 3.0], kind="values"))


def test_binary_scores() -> None:
    outputs, y = torch.tensor([[2.0], [-1.0], [0.0], [5.0]]), torch.tensor([[1.0], [1.0], [0.0], [0.0]])
    assert Binary().score(outputs, y, torch.tensor([1.0, 1.0, 1.0, 0.0])) == 0.5
    assert Binary().nll(outputs, y, torch.ones(4)) == nn.functional.binary_cross_entropy_with_logits(outputs, y)
    assert Binary().score(torch.tensor([[torch.nan]]), torch.ones(1, 1), torch.ones(1)).isnan()
