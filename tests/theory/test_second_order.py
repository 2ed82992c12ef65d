"""Layers that are known to fail at second order, inside MAML's inner loop: exact, or refused by name with the remedy."""

import logging
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from quickstudy import Examples, Task, learners
from quickstudy.errors import LearnerError
from quickstudy.execution.batching import choose, meta_gradient, over_tasks
from quickstudy.task import stack_tasks
from theory.differences import deviation

WAYS = 2


class Attending(nn.Module):
    """Stock multi-head attention over three tokens of four numbers, with or without its weights asked for."""

    def __init__(self, need_weights: bool) -> None:
        super().__init__()
        self.attention, self.head = nn.MultiheadAttention(4, 2, batch_first=True), nn.Linear(4, WAYS)
        self.need_weights = need_weights

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.reshape(len(x), 3, 4)
        outputs: Tensor = self.head(self.attention(tokens, tokens, tokens, need_weights=self.need_weights)[0].mean(1))
        return outputs


class Encoding(nn.Module):
    """A stock encoder layer, its norms before or behind."""

    def __init__(self, norm_first: bool) -> None:
        super().__init__()
        self.body = nn.TransformerEncoderLayer(4, 2, 8, 0.0, batch_first=True, norm_first=norm_first)
        self.head = nn.Linear(4, WAYS)

    def forward(self, x: Tensor) -> Tensor:
        outputs: Tensor = self.head(self.body(x.reshape(len(x), 3, 4)).mean(1))
        return outputs


class Gated(nn.Module):
    """A stock GRU of two layers."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = nn.GRU(4, 5, 2, batch_first=True), nn.Linear(5, WAYS)

    def forward(self, x: Tensor) -> Tensor:
        outputs: Tensor = self.head(self.body(x.reshape(len(x), 3, 4))[0][:, -1])
        return outputs


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "attention": lambda: Attending(need_weights=False),
    "attention with weights": lambda: Attending(need_weights=True),
    "encoder layer, norm first": lambda: Encoding(norm_first=True),
    "gru": Gated,
}


def batch() -> Task:
    def side(rows: int) -> Examples:
        labels = torch.arange(rows) % WAYS
        return Examples.of(torch.randn(rows, 12, dtype=torch.float64) + labels[:, None], labels)

    return stack_tasks([Task(side(4), side(4)) for _ in range(2)])


def maml(network: nn.Module) -> learners.MAML:
    return learners.MAML(network, inner_lr=0.5, inner_steps=2).double().train()


def gradients(learner: learners.MAML, tasks: Task, way: str) -> list[Tensor]:
    learner.zero_grad()
    meta_gradient(learner, tasks, strategy="vmap" if way == "vmap" else "loop")
    return [torch.zeros_like(w) if w.grad is None else w.grad.clone() for w in learner.parameters()]


@pytest.mark.parametrize("name", NETWORKS)
def test_it_is_exact_in_a_loop_and_equal_under_vmap_where_auto_takes_that(name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR, "quickstudy")
    learner, tasks = maml(NETWORKS[name]()), batch()
    looped = gradients(learner, tasks, "loop")

    def objective() -> float:
        with torch.no_grad():
            return float(over_tasks(learner.objective, tasks).mean())

    way = choose(learner, tasks)
    assert way == ("loop" if name == "gru" else "vmap")
    if way == "vmap":
        for a, b in zip(gradients(learner, tasks, "vmap"), looped, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-11)
    assert deviation(objective, list(learner.parameters()), looped) < 1e-5


def test_dropout_has_the_gradient_of_the_draw_that_was_made() -> None:
    """With the same random numbers again, finite differences see the same masks, inner and outer."""
    learner, tasks = maml(nn.Sequential(nn.Linear(12, 6), nn.Tanh(), nn.Dropout(0.4), nn.Linear(6, WAYS))), batch()
    torch.manual_seed(5)
    looped = gradients(learner, tasks, "loop")

    def objective() -> float:
        torch.manual_seed(5)
        with torch.no_grad():
            return float(over_tasks(learner.objective, tasks).mean())

    assert deviation(objective, list(learner.parameters()), looped) < 1e-5


class Once(torch.autograd.Function):
    """A square whose author wrote a first derivative only."""

    @staticmethod
    def forward(ctx, x):  # type: ignore[no-untyped-def]
        ctx.save_for_backward(x)
        return x**2

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):  # type: ignore[no-untyped-def]
        return 2 * ctx.saved_tensors[0] * grad


class Squared(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        outputs: Tensor = Once.apply(x)
        return outputs


def test_a_function_marked_once_differentiable_is_refused_with_the_remedy() -> None:
    network = nn.Sequential(nn.Linear(12, 4), Squared(), nn.Linear(4, WAYS))
    with pytest.raises(LearnerError, match=r"no second derivative.*first_order=True"):
        meta_gradient(maml(network), batch(), strategy="loop")
