"""ALPaCA is Bayesian linear regression: by the textbook, by scikit-learn's Gaussian process, and example by example."""

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, DotProduct, WhiteKernel
from torch import nn

from quickstudy import Examples, learners, metrics
from quickstudy.likelihood import MeanAndDeviation
from quickstudy.metrics.predicted import Predicted
from quickstudy.task import Task

X, Y = torch.randn(9, 3, dtype=torch.float64), torch.randn(9, 1, dtype=torch.float64)


def learner(**arguments: float) -> learners.ALPaCA:
    return learners.ALPaCA(nn.Identity(), 3, **arguments).double()


def meta_trained() -> learners.ALPaCA:
    """Any prior there can be, two targets with noises of their own."""
    made = learners.ALPaCA(nn.Identity(), 3, targets=2).double()
    with torch.no_grad():
        for weight in made.parameters():
            weight.copy_(0.7 * torch.randn_like(weight))
    return made


def test_outputs_are_the_posterior_of_the_textbook() -> None:
    made = meta_trained()
    y = torch.randn(6, 2, dtype=torch.float64)
    root, prior = made.prior_root.detach(), made.prior_mean.detach()
    precision = torch.linalg.inv(root @ root.mT)
    rows, queries = (torch.cat([x, torch.ones_like(x[:, :1])], 1) for x in (X[:6], X[6:]))
    after = precision + rows.mT @ rows
    weights = torch.linalg.inv(after) @ (rows.mT @ y + precision @ prior)
    spread = 1 + torch.einsum("qd,de,qe->q", queries, torch.linalg.inv(after), queries)
    deviation = spread.sqrt()[:, None] * made.log_noise.detach().exp()
    wanted = torch.cat([queries @ weights, deviation], 1)
    torch.testing.assert_close(made(Examples.of(X[:6], y))(X[6:]), wanted)


def test_with_the_prior_of_the_start_it_is_scikit_learns_gaussian_process_of_a_linear_kernel() -> None:
    kernel = ConstantKernel(0.8**2) * DotProduct(1.0) + WhiteKernel(0.3**2)
    process = GaussianProcessRegressor(kernel, optimizer=None).fit(X[:6].numpy(), Y[:6, 0].numpy())
    mean, deviation = process.predict(X[6:].numpy(), return_std=True)
    found = learner(noise=0.3, prior=0.8)(Examples.of(X[:6], Y[:6]))(X[6:])
    np.testing.assert_allclose(found.numpy(), np.stack([mean, deviation], 1), rtol=1e-7)


def test_examples_one_after_another_are_the_same_as_all_at_once() -> None:
    made = meta_trained()
    rows = made.encode(X)
    y = torch.randn(9, 2, dtype=torch.float64)
    all_ = Examples(rows, y, torch.ones(9, dtype=torch.float64))
    state = made.adapt(all_[:1])
    for row in range(1, 9):
        state = made.update(state, all_[row : row + 1])
    for one, whole in zip(state, made.adapt(all_), strict=True):
        torch.testing.assert_close(one, whole)


def test_no_examples_give_the_prior() -> None:
    made = learner(noise=0.5, prior=2.0)
    nothing = Examples(made.encode(X[:1]), Y[:1], torch.zeros(1, dtype=torch.float64))
    found = made.predict(made.adapt(nothing), made.encode(X))
    wanted = (0.25 + 4 * (X.square().sum(1, keepdim=True) + 1)).sqrt()
    torch.testing.assert_close(found.detach(), torch.cat([torch.zeros_like(Y), wanted], 1))


def test_the_objective_is_the_density_of_the_queries() -> None:
    made = learner(noise=0.5)
    task = Task(Examples.of(made.encode(X[:5]), Y[:5]), Examples.of(made.encode(X[5:]), Y[5:]))
    mean, deviation = made(Examples.of(X[:5], Y[:5]))(X[5:]).mT.numpy()
    assert float(made.objective(task).detach()) == pytest.approx(-stats.norm(mean, deviation).logpdf(Y[5:, 0].numpy()).mean())


def test_intervals_hold_the_share_they_promise() -> None:
    """Tasks drawn from the prior itself: 95 % of targets lie within the central 95 %."""
    made, noise, prior = learner(noise=0.3, prior=1.5), 0.3, 1.5
    generator = torch.Generator().manual_seed(0)
    found = []
    for _ in range(400):
        x = torch.randn(12, 3, dtype=torch.float64, generator=generator)
        weights = prior * torch.randn(4, 1, dtype=torch.float64, generator=generator)
        y = torch.cat([x, torch.ones_like(x[:, :1])], 1) @ weights
        y = y + noise * torch.randn(12, 1, dtype=torch.float64, generator=generator)
        said = Predicted.of(made(Examples.of(x[:4], y[:4]))(x[4:]), MeanAndDeviation())
        found.append(metrics.coverage_95(said, y[4:]))
    assert np.mean(found) == pytest.approx(0.95, abs=0.015)


def test_scaled_targets_scale_means_and_deviations() -> None:
    plain = learner(noise=0.2)
    scaled = learners.ScaledTargets(plain, mean=120.0, deviation=20.0)
    found = scaled(Examples.of(X[:5], 120 + 20 * Y[:5]))(X[5:])
    wanted = plain(Examples.of(X[:5], Y[:5]))(X[5:]) * 20 + torch.tensor([120.0, 0.0])
    torch.testing.assert_close(found, wanted)
