"""Which gradients a step clears, measures and clips: those of the weights that the optimizer holds, and no older ones."""

from typing import Any

import pytest
import torch
from torch import nn

from quickstudy import learners, train
from quickstudy.functional.tree import to
from quickstudy.learner import Learner
from quickstudy.likelihood import Gaussian
from quickstudy.nn import MLP
from quickstudy.tasks import Sinusoid
from quickstudy.tasks.source import generator_of

STEPS, SEED = 6, 3


def learner() -> learners.ANIL:
    torch.manual_seed(0)
    return learners.ANIL(MLP(1, (8,)), nn.Linear(8, 1), inner_lr=0.01, likelihood=Gaussian())


def gradient(model: Learner[Any], step: int) -> dict[str, torch.Tensor]:
    """The gradient of one step's tasks by each weight, computed on its own."""
    tasks = to(Sinusoid().sample(4, generator_of(SEED, step)), torch.device("cpu"))
    total = sum((model.objective(encoded(model, tasks[i])) for i in range(4)), torch.zeros(())) / 4
    names, weights = zip(*model.named_parameters(), strict=True)
    return dict(zip(names, torch.autograd.grad(total, weights), strict=True))


def encoded(model: Learner[Any], task: Any) -> Any:
    return type(task)(*[side.replace(model.encode(side.x)) for side in (task.support, task.query)])


def length(grads: list[torch.Tensor]) -> float:
    return float(torch.stack([g.square().sum() for g in grads]).sum().sqrt())


def test_the_norm_is_of_this_step_and_of_the_weights_the_optimizer_holds() -> None:
    model = learner()
    head = dict(model.head.named_parameters())
    optimizer = torch.optim.SGD(head.values(), 0.0)
    records = list(train(model, Sinusoid(), steps=STEPS, batch=4, optimizer=optimizer, seed=SEED))
    for step, record in enumerate(records):
        grads = gradient(model, step)
        own = length([grad for name, grad in grads.items() if name.startswith("head.")])
        assert record.gradient_norm == pytest.approx(own, rel=1e-4)
        assert record.gradient_norm < length(list(grads.values())), "the encoder's is not counted"
    last = gradient(model, STEPS - 1)
    for name, weight in model.named_parameters():
        assert weight.grad is not None
        torch.testing.assert_close(weight.grad, last[name], rtol=1e-4, atol=1e-6)


def test_a_clip_is_not_spent_on_weights_that_stay_as_they_are() -> None:
    model, clip = learner(), 0.1
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    grads = {name: grad for name, grad in gradient(model, 0).items() if name.startswith("head.")}
    assert length(list(grads.values())) > clip
    optimizer = torch.optim.SGD(model.head.parameters(), 1.0)
    list(train(model, Sinusoid(), steps=1, batch=4, optimizer=optimizer, seed=SEED, clip=clip))
    moved = {name: before[name] - weight.detach() for name, weight in model.named_parameters()}
    assert length(list(moved.values())) == pytest.approx(clip, rel=1e-3)
    for name, grad in grads.items():
        torch.testing.assert_close(moved[name], grad * clip / length(list(grads.values())), rtol=1e-3, atol=1e-6)


def test_weights_that_are_thawed_later_are_clipped_and_counted() -> None:
    model, clip = learner(), 0.1
    model.encoder.requires_grad_(False)
    optimizer = torch.optim.SGD(model.parameters(), 1.0)
    for record in train(model, Sinusoid(), steps=2, batch=4, optimizer=optimizer, seed=SEED, clip=clip):
        if record.step == 1:
            model.encoder.requires_grad_(True)
            grads = gradient(model, 1)
            before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    moved = [before[name] - weight.detach() for name, weight in model.named_parameters()]
    assert record.gradient_norm == pytest.approx(length(list(grads.values())), rel=1e-4)
    assert length(moved) == pytest.approx(clip, rel=1e-3)


def test_gradients_left_by_others_are_cleared() -> None:
    model, fresh = learner(), learner()
    for weight in model.parameters():
        weight.grad = torch.full_like(weight, 100.0)
    norms = [
        [r.gradient_norm for r in train(each, Sinusoid(), steps=3, batch=4, optimizer=torch.optim.Adam(each.parameters(), 1e-3))]
        for each in (model, fresh)
    ]
    assert norms[0] == norms[1]
