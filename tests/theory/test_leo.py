"""LEO's codes, its steps in the latent space and its penalties, by hand."""

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence

from quickstudy import Examples, Task, learners
from quickstudy.errors import LearnerError
from quickstudy.nn import Frozen
from theory.differences import deviation

D, L, N = 6, 3, 4


class FirstOfPair(nn.Module):
    """A relation that knows the pair's first code alone: a class's code is then the mean of its own, its spread a tenth of it."""

    def forward(self, pairs: Tensor) -> Tensor:
        first = pairs[:, :L]
        return torch.cat([first, 0.1 * first.abs()], 1)


class Zeros(nn.Module):
    """A relation that says nothing."""

    def forward(self, pairs: Tensor) -> Tensor:
        return torch.zeros_like(pairs)


def learner(steps: int = 5, tuning_steps: int = 5) -> learners.LEO:
    made = learners.LEO(nn.Identity(), features=D, latent=L, steps=steps, tuning_steps=tuning_steps).double().eval()
    made.relation = FirstOfPair()  # type: ignore[assignment]
    return made


def task() -> tuple[Examples, Examples]:
    x = torch.randn(12, D, dtype=torch.float64)
    return Examples.of(x, torch.arange(12) % N), Examples.of(torch.randn(7, D, dtype=torch.float64), torch.arange(7) % N)


def means(support: Examples) -> Tensor:
    return torch.stack([support.x[support.labels == n].mean(0) for n in range(N)])


def test_without_steps_it_decodes_the_code_of_the_class_means() -> None:
    support, query = task()
    leo = learner(steps=0, tuning_steps=0)
    weight = leo.decoder(leo.coder(means(support)))[:, :D]
    torch.testing.assert_close(leo(support)(query.x), (query.x @ weight.mT).detach())


def test_a_step_moves_the_code_down_the_support_loss() -> None:
    """``N ∇_w L = N (p − y)ᵀ X / S``, the sum over the support set shared by the S / N copies; ``∇_z L = ∇_w L W_μ``."""
    support, query = task()
    leo = learner(steps=1, tuning_steps=1)
    with torch.no_grad():
        leo.latent_rate.copy_(torch.tensor([0.5, 1.0, 2.0]))
        leo.tuning_rate.fill_(0.3)
        codes, matrix = leo.coder(means(support)), leo.decoder.weight[:D]

        def slope(weight: Tensor) -> Tensor:
            slope: Tensor = N * ((support.x @ weight.mT).softmax(1) - support.y).mT @ support.x / len(support)
            return slope

        weight = (codes - leo.latent_rate * (slope(codes @ matrix.mT) @ matrix)) @ matrix.mT
        weight = weight - leo.tuning_rate * slope(weight)
    torch.testing.assert_close(leo(support)(query.x), query.x @ weight.mT)


def test_penalties_are_those_of_the_paper() -> None:
    support, query = task()
    leo = learner(steps=2, tuning_steps=0)
    loss = leo.likelihood.nll(leo.predict(leo.adapt(support), query.x), query.y, query.mask)
    start = leo.coder(means(support))
    prior = Normal(torch.zeros_like(start), torch.ones_like(start))
    spread = 0.1 * leo.coder(support.x).abs()
    deviation = torch.stack([spread[support.labels == n].mean(0) for n in range(N)]).exp() - 1
    divergence = kl_divergence(Normal(start, deviation), prior).mean()
    end = start
    for _ in range(2):
        moving = end.detach().requires_grad_()
        outputs = support.x @ leo.decoder(moving)[:, :D].mT
        end = end - torch.autograd.grad(N * nn.functional.cross_entropy(outputs, support.labels), moving)[0]
    moved = ((end - start) ** 2).mean()
    correlations = torch.nn.functional.cosine_similarity(leo.decoder.weight[:, :, None], leo.decoder.weight[:, None], dim=0)
    crossing = ((correlations - torch.eye(L)) ** 2).mean()
    expected = loss + 1e-3 * divergence + 1e-3 * moved + 0.1 * crossing
    torch.testing.assert_close(leo.objective(Task(support, query)), expected)


def test_the_encoder_penalty_draws_the_first_code_to_the_adapted_one_as_a_constant() -> None:
    """``∇_W γ/NL Σ ‖c_n − W m_n‖² = 2γ/NL Σ (W m_n − c_n) m_nᵀ``; without it the gradient is the objective's own."""
    support, query = task()
    leo = learner(steps=1, tuning_steps=1)
    with torch.no_grad():
        leo.latent_rate.fill_(5.0)
    matrix = next(leo.coder.parameters())
    found = []
    for weight in (0.0, 2.0):
        leo.penalties = learners.LEOPenalties(encoder=weight)
        found.append(torch.autograd.grad(leo.objective(Task(support, query)), matrix)[0])
    start, end = leo._path(support)[2:4]
    by_hand = 2 * 2.0 / (N * L) * (start - end).mT @ means(support)
    torch.testing.assert_close(found[1] - found[0], by_hand.detach())
    leo.penalties = learners.LEOPenalties(encoder=0.0)
    assert deviation(lambda: float(leo.objective(Task(support, query)).detach()), [matrix], [found[0]]) < 1e-6


def test_it_draws_in_meta_training_alone() -> None:
    support, query = task()
    leo = learner()
    draws = [leo.train().predict(leo.adapt(support), query.x) for _ in range(2)]
    assert not torch.equal(*draws)
    assert torch.equal(leo(support)(query.x), leo(support)(query.x))


def test_codes_start_almost_without_noise_and_heads_with_that_of_glorot() -> None:
    """A relation and a decoder of zeros: σ_z = 1e-10, σ_w = √(2 / (N + D))."""
    support, _ = task()
    leo = learner(steps=0, tuning_steps=0).train()
    with torch.no_grad():
        leo.relation = Zeros()  # type: ignore[assignment]
        leo.decoder.weight.zero_()
        assert float(leo._path(support).deviation.max()) == pytest.approx(1e-10)
        weights = torch.cat([leo.adapt(support).weight.flatten() for _ in range(400)])
    assert float(weights.std()) == pytest.approx((2 / (N + D)) ** 0.5, rel=0.03)


def test_each_decoding_draws_anew_and_each_prediction_drops_features() -> None:
    """With steps of size zero the head differs from the one decoded first by its noise alone."""
    support, query = task()
    leo = learner(steps=1, tuning_steps=0)
    with torch.no_grad():
        leo.latent_rate.zero_()
        leo.dropout.p, seen = 0.0, []
        leo.decoder.register_forward_hook(lambda *call: seen.append(torch.get_rng_state()))
        leo.train().adapt(support)
        assert len(seen) == 2 and not torch.equal(*seen)
        leo.dropout.p = 0.5
        head = leo.adapt(support)
        assert not torch.equal(leo.predict(head, query.x), leo.predict(head, query.x))
        leo.eval()
        assert torch.equal(leo.predict(head, query.x), query.x @ head.weight.mT)


def test_the_pre_trained_encoder_of_the_equal_budget_stays_as_it_is() -> None:
    """Its norms' averages too, which train mode would move."""
    encoder = Frozen(nn.Sequential(nn.Linear(D, D), nn.BatchNorm1d(D))).double()
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    leo = learners.LEO(encoder, features=D, latent=L).double().train()
    leo.encode(3 + torch.randn(8, D, dtype=torch.float64))
    assert all(torch.equal(value, before[name]) for name, value in leo.encoder.state_dict().items())


def test_negative_steps_are_refused() -> None:
    with pytest.raises(LearnerError, match="at least 0"):
        learner(steps=-1)
