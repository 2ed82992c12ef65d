"""Many tasks at once: the same numbers whole or in chunks, by vmap or by loop, padded or not, encoded once."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from quickstudy import Examples, Task, learners
from quickstudy.execution.batching import Strategy, choose, encode_tasks, meta_gradient, over_tasks
from quickstudy.functional import SGD, Adam, cosine_distance
from quickstudy.learner import Learner
from quickstudy.nn import MLP, Conv4
from quickstudy.task import pad, stack_tasks, unstack_tasks

INPUTS, WAYS = 6, 4

LEARNERS: dict[str, Callable[[], Learner[Any]]] = {
    "MAML": lambda: learners.MAML(MLP(INPUTS, (8,), outputs=WAYS, norm=True), inner_lr=0.3, inner_steps=2),
    "MAML, batch": lambda: learners.MAML(MLP(INPUTS, (8,), outputs=WAYS, norm=True), inner_lr=0.3, norm="batch"),
    "MAML, wide": lambda: learners.MAML(MLP(INPUTS, (8,), outputs=9), inner_lr=0.3, first_order=True),
    "Reptile": lambda: learners.Reptile(MLP(INPUTS, (8,), outputs=WAYS, norm=True), inner_batch=4, rule=SGD(0.1)),
    "Reptile, Adam": lambda: learners.Reptile(MLP(INPUTS, (8,), outputs=WAYS), rule=Adam(0.01, (0.0, 0.999))),
    "ProtoNet": lambda: learners.ProtoNet(MLP(INPUTS, (8,))),
    "ProtoNet, cosine": lambda: learners.ProtoNet(MLP(INPUTS, (8,)), distance=cosine_distance, scale=5.0, learn_scale=True),
    "FromScratch": lambda: learners.FromScratch(MLP(INPUTS, (8,), outputs=WAYS, norm=True), rule=Adam(0.03), steps=3),
}
each = pytest.mark.parametrize("name", LEARNERS)
TRAINED = sorted(set(LEARNERS) - {"FromScratch"})


def made(name: str) -> Learner[Any]:
    """In train mode, but for a learner that draws its batches there."""
    return LEARNERS[name]().double().train("Reptile" not in name)


def side(rows: int, ways: int) -> Examples:
    labels = torch.arange(rows) % ways
    return Examples.of(torch.randn(rows, INPUTS, dtype=torch.float64) + labels[:, None], labels, ways)


def ragged() -> list[Task]:
    return [Task(side(s, n), side(q, n)) for s, q, n in [(8, 4, 4), (5, 10, 2), (12, 7, 3), (4, 12, 4), (6, 6, 3)]]


def even() -> Task:
    return stack_tasks([Task(side(8, 4), side(12, 4)) for _ in range(5)])


def gradient(learner: Learner[Any], tasks: Task, strategy: Strategy = "loop", chunk: int | None = None) -> list[Tensor]:
    """Objectives, then the gradient of each weight."""
    learner.zero_grad()
    objectives = meta_gradient(learner, tasks, strategy=strategy, chunk=chunk)
    return [objectives, *[torch.zeros_like(p) if p.grad is None else p.grad.clone() for p in learner.parameters()]]


def close(found: list[Tensor], expected: list[Tensor]) -> None:
    for mine, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-8, atol=1e-10)


@each
def test_chunks_vmap_and_loop_agree(name: str) -> None:
    learner, tasks = made(name), even()
    whole = gradient(learner, tasks)
    assert name == "FromScratch" or max(float(g.abs().max()) for g in whole[1:]) > 1e-4
    for chunk in (None, 1, 2, 5, 9):
        close(gradient(learner, tasks, "loop", chunk), whole)
        close(gradient(learner, tasks, "vmap", chunk), whole)


@pytest.mark.parametrize("name", TRAINED)
def test_the_gradient_is_that_of_the_mean_objective(name: str) -> None:
    """Written out: every task encoded by itself, one backward pass through everything."""
    learner, tasks = made(name), even()
    found = gradient(learner, tasks)
    losses = []
    for task in unstack_tasks(tasks):
        encoded = Task(task.support.replace(learner.encode(task.support.x)), task.query.replace(learner.encode(task.query.x)))
        losses.append(learner.objective(encoded))
    learner.zero_grad()
    torch.autograd.backward(torch.stack(losses).mean())
    expected = [torch.zeros_like(p) if p.grad is None else p.grad for p in learner.parameters()]
    close(found, [torch.stack(losses).detach(), *expected])


@each
@pytest.mark.parametrize("strategy", ["loop", "vmap", "auto"])
def test_padded_tasks_equal_unpadded(name: str, strategy: Strategy) -> None:
    learner = made(name)
    if strategy == "vmap" and learner.facts.transductive:
        assert choose(learner, stack_tasks(ragged())) == "loop"
        pytest.skip("padded queries would be seen; auto takes the loop")
    tasks = ragged()
    single = [gradient(learner, stack_tasks([task])) for task in tasks]
    expected = [torch.cat([s[0] for s in single]), *[torch.stack(g).mean(0) for g in zip(*(s[1:] for s in single), strict=True)]]
    close(gradient(learner, stack_tasks(tasks), strategy), expected)
    littered = stack_tasks([littered_task(task) for task in tasks])
    if strategy == "loop" or not learner.facts.transductive:
        close(gradient(learner, littered, strategy), expected)


def littered_task(task: Task) -> Task:
    def litter(examples: Examples) -> Examples:
        padded = pad(examples, len(examples) + 3)
        return Examples(torch.where(padded.mask[:, None] > 0, padded.x, 50.0), padded.y, padded.mask)

    return Task(litter(task.support), litter(task.query))


def test_gradients_add_up_as_in_torch() -> None:
    learner, tasks = LEARNERS["ProtoNet"]().double(), even()
    once = gradient(learner, tasks)
    meta_gradient(learner, tasks)
    twice = [p.grad for p in learner.parameters() if p.grad is not None]
    assert len(twice) == 2
    close(twice, [2 * g for g in once[2:]])


class Counted(nn.Module):
    """A linear layer that counts its calls and rows."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.calls, self.rows = nn.Linear(INPUTS, 5), 0, 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls, self.rows = self.calls + 1, self.rows + len(x)
        features: Tensor = self.body(x)
        return features


def test_the_encoder_is_called_once_for_the_real_rows_of_all_tasks() -> None:
    encoder = Counted()
    learner = learners.ProtoNet(encoder).double()
    single = ragged()
    tasks = stack_tasks(single)
    encoded = encode_tasks(learner, tasks)
    assert (encoder.calls, encoder.rows) == (1, sum(len(task.support) + len(task.query) for task in single))
    for mine, task in zip(unstack_tasks(encoded), single, strict=True):
        assert mine.support.mask.sum() == len(task.support) and (mine.support.x[mine.support.mask == 0] == 0).all()
    real = unstack_tasks(tasks)[1].query.trim()
    torch.testing.assert_close(unstack_tasks(encoded)[1].query.trim().x, encoder.body(real.x))
    encoder.calls = 0
    meta_gradient(learner, tasks)
    assert encoder.calls == 1


def test_inputs_may_be_trees() -> None:
    class Pair(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Linear(INPUTS, 5)

        def forward(self, x: dict[str, Tensor]) -> Tensor:
            features: Tensor = self.body(x["a"]) * x["b"]
            return features

    def tree(examples: Examples) -> Examples:
        return examples.replace({"a": examples.x, "b": examples.x[:, :1]})

    tasks = [Task(tree(task.support), tree(task.query)) for task in ragged()]
    learner = learners.ProtoNet(Pair()).double()
    whole = gradient(learner, stack_tasks(tasks), "vmap")
    assert whole[0].shape == (5,) and float(whole[2].abs().max()) > 0
    alone = learner(tasks[0].support)(tasks[0].query.x)
    assert alone.shape == (4, 4) and alone.isfinite().all()


@pytest.mark.parametrize("strategy", ["loop", "vmap"])
def test_over_tasks_stacks_records(strategy: Any) -> None:
    tasks = even()
    learner = LEARNERS["MAML"]().double()
    states = over_tasks(lambda task: learner.adapt(task.support), tasks, strategy, 2)
    assert all(len(w) == 5 for w in states.weights.values()) and states.present.shape == (5, 4)


def test_auto_follows_sizes_on_a_cpu() -> None:
    images = Examples(torch.zeros(3, 2, 1, 28, 28), torch.eye(2).expand(3, 2, 2), torch.ones(3, 2))
    tasks = Task(images, images)
    assert choose(learners.MAML(Conv4(outputs=2)), tasks) == "loop"
    assert choose(learners.MAML(Conv4(outputs=2, hidden=8)), tasks) == "vmap"
    assert choose(learners.MAML(Conv4(outputs=2)), tasks, "vmap") == "vmap"
    assert choose(learners.LogisticRegression(), tasks) == "loop"


def test_the_trial_leaves_no_trace() -> None:
    learner, tasks = LEARNERS["MAML"]().train(), even()
    weights, state = [p.clone() for p in learner.parameters()], torch.get_rng_state()
    assert choose(learner, tasks) == "vmap"
    assert torch.equal(state, torch.get_rng_state()) and learner.training
    assert all(p.equal(w) and p.grad is None for p, w in zip(learner.parameters(), weights, strict=True))
