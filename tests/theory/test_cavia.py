"""CAVIA in closed form: outputs linear in the context make its steps those of least squares, the first in ridge's direction."""

import pytest
import torch
from torch import Tensor, nn

from quickstudy import Examples, Task, learners
from quickstudy.errors import LearnerError
from quickstudy.execution.batching import meta_gradient
from quickstudy.likelihood import Gaussian
from quickstudy.nn import MLP, Conv4, FiLMContext, InputContext
from quickstudy.nn.context import ContextNetwork
from quickstudy.task import stack_tasks

S, D, C, ALPHA = 7, 3, 4, 0.2


@pytest.fixture(autouse=True)
def double(seeded: None) -> None:
    torch.set_default_dtype(torch.float64)


class Features(nn.Module):
    """``f(x, φ) = w·x + φᵀ ψ(x)``, a network of the user's own."""

    context = C

    def __init__(self) -> None:
        super().__init__()
        self.base, self.psi = nn.Linear(D, 1), nn.Linear(D, C)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        outputs: Tensor = self.base(x) + self.features(x) @ context[:, None]
        return outputs

    def features(self, x: Tensor) -> Tensor:
        hidden: Tensor = self.psi(x)
        return hidden.tanh()


def joined(network: InputContext) -> Tensor:
    """What a linear network sees of each example beside the input: the same weights of the context for all."""
    layer = network.network
    assert isinstance(layer, nn.Linear)
    return layer.weight[:, D:].expand(S, C)


def modulated(network: FiLMContext, x: Tensor) -> Tensor:
    """``γ h + β`` with ``γ = 1 + W_γ φ`` and ``β = W_β φ``: features ``W_γ h + W_β``."""
    of_scale, of_shift = network.film.linear.weight
    features: Tensor = network.network(x) * of_scale + of_shift
    return features


def examples() -> Examples:
    x, y = torch.randn(S, D), torch.randn(S, 1)
    return Examples(x, y, torch.ones(S))


def made(kind: str, x: Tensor) -> tuple[ContextNetwork, Tensor]:
    """A network that is linear in its context, and the features (S, C) it gives the context."""
    if kind == "features":
        own = Features()
        return own, own.features(x)
    if kind == "joins the input":
        input_context = InputContext(nn.Linear(D + C, 1), C)
        return input_context, joined(input_context)
    film_context = FiLMContext(nn.Sequential(nn.Linear(D, 1)), C, channels={"0": 1})
    return film_context, modulated(film_context, x)


kinds = pytest.mark.parametrize("kind", ["features", "joins the input", "scales and shifts"])


@kinds
@pytest.mark.parametrize("steps", [0, 1, 2, 6])
def test_contexts_follow_least_squares(kind: str, steps: int) -> None:
    """``φ_T = Σ_{t<T} (I − α G)^t α b`` with ``G = ΨᵀΨ / S`` and ``b = Ψᵀ(y − f_0) / S``."""
    support = examples()
    network, psi = made(kind, support.x)
    learner = learners.CAVIA(network, inner_lr=ALPHA, inner_steps=steps, likelihood=Gaussian(variance=1.0))
    found = learner.adapt(support).values.detach()
    residual = support.y - network(support.x, torch.zeros(C))
    gram, target = psi.mT @ psi / S, (psi.mT @ residual / S)[:, 0]
    expected = torch.zeros(C)
    for t in range(steps):
        expected = expected + torch.linalg.matrix_power(torch.eye(C) - ALPHA * gram, t) @ (ALPHA * target)
    torch.testing.assert_close(found, expected.detach(), rtol=1e-9, atol=1e-12)


@kinds
def test_the_first_step_is_the_direction_of_ridge_regression(kind: str) -> None:
    """``(ΨᵀΨ + λ I)⁻¹ Ψᵀ r → Ψᵀ r / λ`` as λ grows: one step is ridge's solution at ``λ = S / α``, up to ``O(1/λ²)``."""
    support = examples()
    network, psi = made(kind, support.x)
    residual = (support.y - network(support.x, torch.zeros(C)))[:, 0]
    apart = []
    for alpha in (1e-3, 1e-4):
        learner = learners.CAVIA(network, inner_lr=alpha, likelihood=Gaussian(variance=1.0))
        found = learner.adapt(support).values.detach()
        ridge = torch.linalg.solve(psi.mT @ psi + S / alpha * torch.eye(C), psi.mT @ residual).detach()
        apart.append(float((found - ridge).norm() / ridge.norm()))
    assert apart[0] < 2e-2 and apart[1] < apart[0] / 9, apart


@pytest.mark.parametrize("strategy", ["loop", "vmap"])
def test_the_outer_gradient_of_a_bilinear_model(strategy: str) -> None:
    """f = φ·(W x) without a base: one step gives φ = α W Xᵀy / S, so predictions are ``α xᵀ WᵀW m``, quadratic in W."""

    class Bilinear(nn.Module):
        context = C

        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Parameter(torch.randn(C, D))

        def forward(self, x: Tensor, context: Tensor) -> Tensor:
            return (x @ self.w.mT @ context)[:, None]

    network = Bilinear()
    learner = learners.CAVIA(network, inner_lr=ALPHA, likelihood=Gaussian(variance=1.0))
    tasks = [Task(examples(), examples()) for _ in range(2)]
    meta_gradient(learner, stack_tasks(tasks), strategy="vmap" if strategy == "vmap" else "loop")
    w = network.w.detach()
    expected = torch.zeros(C, D)
    for task in tasks:
        m = task.support.x.mT @ task.support.y / S
        error = ALPHA * task.query.x @ w.mT @ w @ m - task.query.y
        outer = task.query.x.mT @ error @ m.mT / S * ALPHA
        expected += w @ (outer + outer.mT) / 2
    (weight,) = learner.parameters()
    torch.testing.assert_close(weight.grad, expected, rtol=1e-9, atol=1e-12)


def test_every_task_starts_from_zero() -> None:
    learner = learners.CAVIA(InputContext(MLP(D + C, (8,), outputs=1), C), inner_steps=0, likelihood=Gaussian())
    assert not learner.adapt(examples()).values.any()
    assert not any(name.endswith("context") for name, _ in learner.named_parameters())


def test_a_network_without_context_is_refused() -> None:
    with pytest.raises(LearnerError, match=r"a Conv4 takes no context. Wrap it"):
        learners.CAVIA(Conv4(outputs=5))  # type: ignore[arg-type]
