"""Cases of the optimization-based learners."""

import copy
from functools import partial

import torch
from torch import Tensor, nn

from contract.cases.ground import INPUTS, Case, built, few, labelled, normed, plain, smoothed, wave
from quickstudy import functional, learners, tasks
from quickstudy.checks import Training
from quickstudy.likelihood import Gaussian, Labels
from quickstudy.nn import MLP, FiLMContext, InputContext, norm
from quickstudy.task import Task


def first_order(learner: learners.MAML, task: Task) -> dict[str, Tensor]:
    """First-order MAML's formula: the query loss's gradient at weights reached by plain steps on a copy of the network."""
    network = copy.deepcopy(learner.network)
    for _ in range(learner.inner_steps):
        grads = torch.autograd.grad(
            nn.functional.cross_entropy(network(task.support.x), task.support.labels), [*network.parameters()]
        )
        with torch.no_grad():
            for weight, grad in zip(network.parameters(), grads, strict=True):
                weight.sub_(learner.inner_lr * grad)
    loss = nn.functional.cross_entropy(network(task.query.x), task.query.labels)
    names = [f"network.{name}" for name, _ in network.named_parameters()]
    return dict(zip(names, torch.autograd.grad(loss, [*network.parameters()]), strict=True))


def reptile(learner: learners.Reptile, task: Task) -> dict[str, Tensor]:
    """Reptile's formula: where it started minus where torch's own Adam ends, on support and query together."""
    network = copy.deepcopy(learner.network)
    rule = learner.rule
    assert isinstance(rule, functional.Adam)
    optimizer = torch.optim.Adam(network.parameters(), rule.lr, rule.betas, rule.eps)
    x, y = torch.cat([task.support.x, task.query.x]), torch.cat([task.support.y, task.query.y])
    values = isinstance(learner.likelihood, Gaussian)
    assert learner.inner_batch == len(x), "mini-batches are drawn anew, see tests/theory/test_reptile.py"
    for _ in range(learner.inner_steps):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss if values else nn.functional.cross_entropy
        torch.autograd.backward(loss(network(x), y))
        optimizer.step()
    ends = dict(network.named_parameters())
    return {f"network.{name}": (start - ends[name]).detach() for name, start in learner.network.named_parameters()}


def told() -> nn.Module:
    return InputContext(MLP(INPUTS + 8, (24,), outputs=3), 8)


def told_wave() -> nn.Module:
    return InputContext(MLP(1 + 5, (40, 40), outputs=1), 5)


def scaled() -> nn.Module:
    return FiLMContext(normed(), 12)


def frozen_context(learner: learners.CAVIA, task: Task) -> dict[str, Tensor]:
    """First-order CAVIA's formula: the query loss's gradient by the weights, the context being a constant."""
    context = torch.zeros(learner.context, dtype=task.support.y.dtype)
    for _ in range(learner.inner_steps):
        context = context.detach().requires_grad_()
        loss = nn.functional.cross_entropy(learner.network(task.support.x, context), task.support.labels)
        context = context - learner.inner_lr * torch.autograd.grad(loss, context)[0]
    loss = nn.functional.cross_entropy(learner.network(task.query.x, context.detach()), task.query.labels)
    weights = dict(learner.named_parameters())
    return dict(zip(weights, torch.autograd.grad(loss, list(weights.values())), strict=True))


def implicit(learner: learners.IMAML, task: Task) -> dict[str, Tensor]:
    """iMAML's formula with the whole Hessian: ``(I + H / λ)⁻¹ ∇L_Q(φ)`` at φ reached by plain steps on the pulled loss."""
    network, rule = copy.deepcopy(learner.network), learner.rule
    assert isinstance(rule, functional.SGD)
    shapes = {name: weight.shape for name, weight in network.named_parameters()}

    def named(vector: Tensor) -> dict[str, Tensor]:
        parts = vector.split_with_sizes([shape.numel() for shape in shapes.values()])
        return {name: part.view(shape) for (name, shape), part in zip(shapes.items(), parts, strict=True)}

    def support_loss(vector: Tensor) -> Tensor:
        outputs = torch.func.functional_call(network, named(vector), (task.support.x,))
        return nn.functional.cross_entropy(outputs, task.support.labels)

    def query_loss(vector: Tensor) -> Tensor:
        with norm.recording() as kept:
            torch.func.functional_call(network, named(vector), (task.support.x,))
        with norm.replaying(kept):
            outputs = torch.func.functional_call(network, named(vector), (task.query.x,))
        return nn.functional.cross_entropy(outputs, task.query.labels)

    vector = start = torch.nn.utils.parameters_to_vector(network.parameters()).detach()
    for _ in range(learner.inner_steps):
        vector = vector - rule.lr * (torch.func.grad(support_loss)(vector) + learner.strength * (vector - start))
    matrix = (
        torch.eye(len(start), dtype=start.dtype) + torch.func.jacrev(torch.func.grad(support_loss))(vector) / learner.strength
    )
    solved = named(torch.linalg.solve(matrix, torch.func.grad(query_loss)(vector)))
    return {f"network.{name}": part for name, part in solved.items()}


CASES: dict[str, Case] = {
    "MAML": Case(partial(built, learners.MAML, normed, inner_lr=0.3, inner_steps=2), few),
    "MAML, first order": Case(
        partial(built, learners.MAML, plain, inner_lr=0.3, inner_steps=2, first_order=True), few, expected_gradient=first_order
    ),
    "MAML, batch statistics": Case(partial(built, learners.MAML, normed, inner_lr=0.3, norm="batch"), few),
    "MAML, layer norm and dropout": Case(partial(built, learners.MAML, smoothed, inner_lr=0.3), few),
    "MAML, values": Case(
        partial(built, learners.MAML, wave, inner_lr=0.02, likelihood=Gaussian()), tasks.Sinusoid, Training(200, lr=0.003)
    ),
    "MAML, labels": Case(partial(built, learners.MAML, normed, inner_lr=0.3, likelihood=Labels()), labelled, Training(150)),
    "MAML, varying sizes": Case(partial(built, learners.MAML, normed, inner_lr=1.0), partial(few, (2, 4), (2, 3))),
    "CAVIA": Case(partial(built, learners.CAVIA, told, inner_lr=2.0, inner_steps=2), few, Training(150)),
    "CAVIA, scales and shifts": Case(partial(built, learners.CAVIA, scaled, inner_lr=2.0, inner_steps=2), few, Training(150)),
    "CAVIA, batch statistics": Case(partial(built, learners.CAVIA, scaled, inner_lr=2.0, norm="batch"), few, Training(150)),
    "CAVIA, first order": Case(
        partial(built, learners.CAVIA, told, inner_steps=2, first_order=True),
        few,
        Training(150),
        expected_gradient=frozen_context,
    ),
    "CAVIA, values": Case(
        partial(built, learners.CAVIA, told_wave, likelihood=Gaussian()), tasks.Sinusoid, Training(200, lr=0.003)
    ),
    "IMAML": Case(
        partial(built, learners.IMAML, plain, strength=1.0, rule=functional.SGD(0.2), solver=functional.ConjugateGradients(30)),
        few,
        Training(30),
        expected_gradient=implicit,
    ),
    "IMAML, batch norm": Case(
        partial(built, learners.IMAML, normed, strength=1.0, rule=functional.SGD(0.2)), partial(few, 5), Training(100, lr=0.005)
    ),
    "IMAML, Neumann series": Case(
        partial(
            built,
            learners.IMAML,
            wave,
            strength=40.0,
            rule=functional.SGD(0.01),
            inner_steps=30,
            solver=functional.Neumann(5),
            likelihood=Gaussian(),
        ),
        tasks.Sinusoid,
        Training(150, lr=0.003),
    ),
    "MAMLPlusPlus": Case(partial(built, learners.MAMLPlusPlus, normed, inner_lr=0.3, inner_steps=2), few),
    "MAMLPlusPlus, support statistics": Case(
        partial(
            built,
            learners.MAMLPlusPlus,
            normed,
            improvements=learners.Improvements(multi_step_loss=20, step_statistics=False),
            inner_lr=0.3,
            inner_steps=3,
        ),
        partial(few, (2, 4), (2, 3)),
    ),
    "MAMLPlusPlus, values": Case(
        partial(built, learners.MAMLPlusPlus, wave, inner_lr=0.02, inner_steps=2, likelihood=Gaussian()),
        tasks.Sinusoid,
        Training(200, lr=0.003),
    ),
    "Reptile": Case(
        partial(
            built,
            learners.Reptile,
            wave,
            rule=functional.Adam(0.02, betas=(0.0, 0.999)),
            inner_steps=8,
            inner_batch=20,
            test_steps=8,
            likelihood=Gaussian(),
        ),
        tasks.Sinusoid,
        Training(60, lr=0.02, tasks=40),
        expected_gradient=reptile,
    ),
}
