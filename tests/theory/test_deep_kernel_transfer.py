"""Deep kernel transfer is the textbook's Gaussian process: scikit-learn's, for the radial basis function."""

import math

import numpy as np
import pytest
import torch
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from torch import Tensor, nn

from quickstudy import Examples, Task, learners
from quickstudy.errors import LearnerError
from quickstudy.likelihood import Labels, MeanAndDeviation
from quickstudy.nn import CosineKernel, MixtureKernel, RBFKernel, SideBySide, TanimotoKernel

NOISE, WEIGHT = 0.3, 1.7


def process(lengths: tuple[float, ...] = (0.7, 1.9)) -> learners.DeepKernelTransfer:
    """``w · exp(−½ Σ_d (x_d − x'_d)² / l_d²)``, in double precision."""
    kernel = MixtureKernel({"all": RBFKernel(len(lengths))}, weights=(WEIGHT,))
    learner = learners.DeepKernelTransfer(
        SideBySide({"all": nn.Identity()}), kernel, noise=NOISE, likelihood=MeanAndDeviation()
    ).double()
    kernel.kernels["all"].log_length.data = torch.tensor(lengths, dtype=torch.float64).log()  # type: ignore[union-attr]
    learner.log_noise.data = torch.tensor(NOISE, dtype=torch.float64).log()
    kernel.log_weights.data = torch.tensor([WEIGHT], dtype=torch.float64).log()
    return learner


def scikit_learns(lengths: tuple[float, ...] = (0.7, 1.9)) -> GaussianProcessRegressor:
    kernel = ConstantKernel(WEIGHT) * RBF(lengths) + WhiteKernel(NOISE)
    return GaussianProcessRegressor(kernel, alpha=0.0, optimizer=None)


def rows(count: int) -> Examples:
    x, y = torch.randn(count, 2, dtype=torch.float64), torch.randn(count, 1, dtype=torch.float64)
    return Examples(x, y, torch.ones(count, dtype=torch.float64))


def encoded(learner: learners.DeepKernelTransfer, examples: Examples) -> Examples:
    return examples.replace(learner.encode(examples.x))


def test_the_posterior_is_scikit_learns() -> None:
    support, queries, learner = rows(9), torch.randn(6, 2, dtype=torch.float64), process()
    oracle = scikit_learns().fit(support.x.numpy(), support.y.numpy()[:, 0])
    mean, deviation = oracle.predict(queries.numpy(), return_std=True)
    found = learner(support)(queries)
    torch.testing.assert_close(found, torch.from_numpy(np.stack([mean, deviation], 1)))


def test_the_marginal_likelihood_and_its_gradient_are_scikit_learns() -> None:
    """scikit-learn's gradient is by the logarithms of the weight, the lengths and the noise, as are our parameters."""
    examples, learner = rows(9), process()
    oracle = scikit_learns().fit(examples.x.numpy(), examples.y.numpy()[:, 0])
    value, slope = oracle.log_marginal_likelihood(oracle.kernel_.theta, eval_gradient=True)
    loss = learner.marginal_loss(encoded(learner, examples)) * 9
    loss.backward()  # type: ignore[no-untyped-call]
    kernel = learner.kernel
    assert isinstance(kernel, MixtureKernel)
    lengths = kernel.kernels["all"].log_length  # type: ignore[union-attr]
    assert isinstance(lengths, Tensor) and kernel.log_weights.grad is not None and learner.log_noise.grad is not None
    assert lengths.grad is not None
    torch.testing.assert_close(loss.item(), -value)
    found = torch.cat([kernel.log_weights.grad, lengths.grad, learner.log_noise.grad[None]])
    torch.testing.assert_close(found, -torch.from_numpy(slope))


def test_the_objective_is_the_marginal_likelihood_of_support_and_query_together() -> None:
    support, query, learner = rows(4), rows(5), process()
    both = Examples(torch.cat([support.x, query.x]), torch.cat([support.y, query.y]), torch.ones(9, dtype=torch.float64))
    task = Task(encoded(learner, support), encoded(learner, query))
    torch.testing.assert_close(learner.objective(task), learner.marginal_loss(encoded(learner, both)))


def test_without_examples_it_answers_with_the_prior() -> None:
    learner = process()
    learner.offset.data += 2.0
    found = learner(rows(3)[:0])(torch.randn(2, 2, dtype=torch.float64))
    torch.testing.assert_close(found, torch.tensor([[2.0, math.sqrt(WEIGHT + NOISE)]] * 2, dtype=torch.float64))


def test_classes_are_regressed_on_from_their_shares() -> None:
    """Of 6 rows, 4 of class 1: p = (3/8, 5/8); ridge regression of ±1 minus 2p − 1, then a f + b log p."""
    x, labels = torch.randn(6, 2, dtype=torch.float64), torch.tensor([0, 1, 1, 0, 1, 1])
    learner = learners.DeepKernelTransfer(nn.Identity(), CosineKernel(), noise=0.5, scale=3.0, marginal=False).double()
    learner.log_scale.data, learner.log_noise.data = (torch.tensor(n, dtype=torch.float64).log() for n in (3.0, 0.5))
    learner.balance.data = torch.tensor(0.8, dtype=torch.float64)
    queries = torch.randn(5, 2, dtype=torch.float64)
    found = learner(Examples.of(x, labels))(queries)
    share = torch.tensor([3 / 8, 5 / 8], dtype=torch.float64)
    rest = 2 * torch.eye(2, dtype=torch.float64)[labels] - 1 - (2 * share - 1)
    unit, at = (nn.functional.normalize(part, dim=1) for part in (x, queries))
    weight = torch.linalg.solve(unit @ unit.T + 0.5 * torch.eye(6, dtype=torch.float64), rest)
    torch.testing.assert_close(found, 3.0 * at @ unit.T @ weight + 0.8 * share.log())


def test_the_tanimoto_kernel_is_the_share_of_counts_in_common() -> None:
    a, b = torch.randint(0, 7, (5, 30)).float(), torch.randint(0, 7, (4, 30)).float()
    low, high = a.clamp(max=4), b.clamp(max=4)
    expected = torch.minimum(low[:, None], high).sum(2) / torch.maximum(low[:, None], high).sum(2)
    kernel = TanimotoKernel(most=4)
    torch.testing.assert_close(kernel(a, b), expected)
    torch.testing.assert_close(kernel(a, a).diagonal(), kernel.diagonal(a))


def test_the_mixture_is_the_weighted_sum() -> None:
    a, b = (torch.randint(0, 5, (n, 6)).float() for n in (3, 4))
    parts = {"count": TanimotoKernel(), "near": RBFKernel(6, length=2.0), "along": CosineKernel()}
    kernel = MixtureKernel(parts, weights=(0.5, 2.0, 1.0))
    expected = 0.5 * parts["count"](a, b) + 2.0 * parts["near"](a, b) + parts["along"](a, b)
    torch.testing.assert_close(kernel(dict.fromkeys(parts, a), dict.fromkeys(parts, b)), expected)
    whole = kernel(dict.fromkeys(parts, a), dict.fromkeys(parts, a))
    torch.testing.assert_close(kernel.diagonal(dict.fromkeys(parts, a)), whole.diagonal())


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: learners.DeepKernelTransfer(nn.Identity(), CosineKernel(), noise=0.0), "noise=0.0"),
        (lambda: learners.DeepKernelTransfer(nn.Identity(), CosineKernel(), likelihood=Labels()), "MeanAndDeviation"),
        (lambda: MixtureKernel({"a": CosineKernel()}, weights=(1.0, 2.0)), "1 kernels"),
        (lambda: RBFKernel(2, length=-1.0), "length=-1.0"),
        (lambda: TanimotoKernel(most=0), "most=0"),
    ],
    ids=["noise", "likelihood", "weights", "length", "most"],
)
def test_what_cannot_be_is_refused(call: object, said: str) -> None:
    assert callable(call)
    with pytest.raises(LearnerError, match=said):
        call()
