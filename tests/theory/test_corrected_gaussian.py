"""The normal distribution of ratings: EM reaches the maximum of the likelihood, conditioning is the textbook's."""

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

from quickstudy import Examples, datasets, learners, tasks
from quickstudy.errors import LearnerError
from quickstudy.functional.incomplete_gaussian import Normal, conditioned, incomplete_gaussian
from quickstudy.train import prepare

NOISE = 0.2


def covariance(size: int) -> Tensor:
    root = torch.randn(size, size, dtype=torch.float64)
    return root @ root.T / size + 0.3 * torch.eye(size, dtype=torch.float64)


def likelihood(values: Tensor, seen: Tensor, found: Normal) -> float:
    """The log-density of all numbers that are seen."""
    total = 0.0
    for row, mask in zip(values, seen.bool(), strict=True):
        part = found.covariance[mask][:, mask] + NOISE * torch.eye(int(mask.sum()), dtype=torch.float64)
        total += float(MultivariateNormal(found.mean[mask], part).log_prob(row[mask]))
    return total


def test_em_of_complete_vectors_is_their_covariance_less_the_noise() -> None:
    values = MultivariateNormal(torch.arange(4.0).double(), covariance(4) + torch.eye(4).double()).sample((300,))
    seen = torch.ones_like(values)
    expected = torch.cov(values.T, correction=0) - NOISE * torch.eye(4).double()
    at_once = incomplete_gaussian(values, seen, noise=NOISE)
    torch.testing.assert_close(at_once, Normal(values.mean(0), expected))
    longer = [torch.cat([part, part[:1]]) for part in (values, seen)]
    longer[1][-1, 2] = 0  # one entry of one vector is missing, so rounds are taken, and end in nearly the same
    by_rounds = incomplete_gaussian(*longer, noise=NOISE, rounds=2000)
    assert float((by_rounds.covariance - expected).abs().max()) < 0.05


@pytest.mark.parametrize("missing", [False, True], ids=["complete", "incomplete"])
def test_a_vector_that_weighs_twice_is_two_vectors(missing: bool) -> None:
    values = MultivariateNormal(torch.arange(4.0).double(), covariance(4)).sample((60,))
    seen = (torch.rand(60, 4) < 0.7).double() if missing else torch.ones(60, 4).double()
    weights = torch.where(torch.arange(60) < 20, 2.0, 1.0)
    twice = [torch.cat([part, part[:20]]) for part in (values, seen)]
    weighted = incomplete_gaussian(values, seen, noise=NOISE, shrink=0.1, weights_U=weights)
    torch.testing.assert_close(weighted, incomplete_gaussian(*twice, noise=NOISE, shrink=0.1))


def test_each_round_raises_the_likelihood() -> None:
    values = MultivariateNormal(torch.zeros(5).double(), covariance(5)).sample((200,))
    values, seen = values + math.sqrt(NOISE) * torch.randn_like(values), (torch.rand(200, 5) < 0.6).double()
    seen[:, 0] = 1
    reached = [likelihood(values, seen, incomplete_gaussian(values, seen, noise=NOISE, rounds=n)) for n in (1, 2, 4, 8, 30)]
    assert reached == sorted(reached) and reached[-1] > reached[0] + 1


def test_the_posterior_is_the_conditional_normal_distribution() -> None:
    """``μ_b + Σ_ba Σ_aa⁻¹ (y − μ_a)``, with the noise in Σ_aa; rows of padding change nothing."""
    prior = Normal(torch.randn(6, dtype=torch.float64), covariance(6))
    items, y = torch.tensor([4, 1, 5]), torch.randn(3, dtype=torch.float64)
    system = prior.covariance[items][:, items] + NOISE * torch.eye(3, dtype=torch.float64)
    gain = prior.covariance[:, items] @ torch.linalg.inv(system)
    mask = torch.tensor([1.0, 1.0, 1.0, 0.0], dtype=torch.float64)
    x = torch.eye(6, dtype=torch.float64)[torch.tensor([4, 1, 5, 0])]
    mean, variance = conditioned(prior, x, torch.cat([y, y.new_tensor([9.0])]), mask, torch.tensor(NOISE))
    torch.testing.assert_close(mean, prior.mean + gain @ (y - prior.mean[items]))
    torch.testing.assert_close(variance, (prior.covariance - gain @ prior.covariance[items]).diagonal())


def users(count: int = 80, items: int = 5) -> datasets.Table:
    """Users of whom each has rated all but one item, in random order; the last column is of no item."""
    values = MultivariateNormal(torch.full((items,), 3.0).double(), covariance(items)).sample((count,)).float()
    rated = torch.stack([torch.randperm(items)[:-1] for _ in range(count)])
    x = torch.nn.functional.one_hot(rated.flatten(), items + 1).float()
    user = torch.arange(count).repeat_interleave(items - 1)
    return datasets.Table(x, values.gather(1, rated).flatten()[:, None], user, tuple(map(str, range(count))))


def test_prepared_it_is_the_normal_distribution_of_its_users_each_counted_once() -> None:
    table = users()
    learner = learners.CorrectedGaussian(6, noise=NOISE, shrink=0.1, users=2000)
    prepare(learner, tasks.ByTask(table, shots=2))
    values, seen = torch.zeros(80, 6), torch.zeros(80, 6)
    values[table.tasks, table.x.argmax(1)] = table.y[:, 0]
    seen[table.tasks, table.x.argmax(1)] = 1
    expected = incomplete_gaussian(values, seen, noise=NOISE, shrink=0.1)
    torch.testing.assert_close(learner.mean, expected.mean.float())
    torch.testing.assert_close(learner.covariance, expected.covariance.float())
    support = Examples.of(torch.eye(6)[:2], [4.0, 1.0], kind="values")
    mean, variance = conditioned(
        Normal(learner.mean, learner.covariance), support.x, support.y[:, 0], support.mask, learner.noise
    )
    torch.testing.assert_close(learner(support)(torch.eye(6)), torch.stack([mean, (variance + NOISE).sqrt()], 1))


def test_after_one_visit_it_is_how_often_each_thing_is_taken_where_that_one_is_known() -> None:
    """A user of n things has a given one of them as the known one in a share 1 / n of all draws."""
    taken = (torch.rand(60, 6) < torch.tensor([0.3, 0.5, 0.6, 0.4, 0.5, 0.7])).float()
    taken = torch.unique(taken[taken.sum(1) >= 2], dim=0)
    learner = learners.CorrectedGaussian(6, noise=1e-6, shrink=0.0, users=2000, by_taken=1.0)
    prepare(learner, tasks.Visits(taken, shots=1))
    known = taken[:, 2] / taken.sum(1)
    expected = (known[:, None] * taken).sum(0) / known.sum()
    said = learner(Examples.of(torch.eye(6)[2:3], [1.0], kind="values"))(torch.eye(6))[:, 0]
    torch.testing.assert_close(said, expected, atol=1e-4, rtol=1e-4)


def test_an_item_that_nobody_rated_is_as_the_others_are() -> None:
    table = users()
    learner = learners.CorrectedGaussian(6, users=2000)
    prepare(learner, tasks.ByTask(table, shots=2))
    assert math.isclose(float(learner.mean[5]), float(table.y.mean()), rel_tol=1e-5)
    assert math.isclose(float(learner.covariance[5, 5]), float(learner.covariance.diagonal()[:5].mean()), rel_tol=1e-4)


@pytest.mark.parametrize(
    "wrong",
    [{"noise": 0.0}, {"shrink": 1.5}, {"items": 0}, {"by_taken": -1.0}],
    ids=["noise", "shrink", "items", "by_taken"],
)
def test_what_cannot_be_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(LearnerError, match=next(iter(wrong))):
        learners.CorrectedGaussian(**({"items": 3} | wrong))  # type: ignore[arg-type]
