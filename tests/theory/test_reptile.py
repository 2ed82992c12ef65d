"""Reptile keeps what its rule remembers from task to task, and draws its mini-batches anew."""

import copy

import pytest
import torch
from torch import Tensor, nn

from quickstudy import Examples, Task, learners, train
from quickstudy.execution.batching import Strategy, meta_gradient
from quickstudy.functional import SGD, Adam
from quickstudy.likelihood import Gaussian
from quickstudy.task import pad, stack_tasks
from quickstudy.tasks import Sinusoid

RULE = Adam(0.05, betas=(0.5, 0.9))
S = 6


@pytest.fixture(autouse=True)
def double(seeded: None) -> None:
    torch.set_default_dtype(torch.float64)


def network() -> nn.Module:
    return nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))


def side() -> Examples:
    return Examples(torch.randn(S, 2), torch.randn(S, 1), torch.ones(S))


def learner(inner_batch: int = 2 * S, inner_steps: int = 3) -> learners.Reptile:
    made = learners.Reptile(
        network(), rule=RULE, inner_steps=inner_steps, inner_batch=inner_batch, test_steps=2, likelihood=Gaussian()
    )
    return made.train()


def vector(parts: list[Tensor]) -> Tensor:
    return torch.cat([part.detach().flatten() for part in parts])


def adam(net: nn.Module) -> torch.optim.Adam:
    return torch.optim.Adam(net.parameters(), RULE.lr, RULE.betas, RULE.eps)


def steps(net: nn.Module, optimizer: torch.optim.Adam, x: Tensor, y: Tensor, count: int) -> None:
    for _ in range(count):
        optimizer.zero_grad()
        torch.autograd.backward(nn.functional.mse_loss(net(x), y))
        optimizer.step()


def test_one_task_an_outer_step_is_one_adam_of_torch_over_all_tasks() -> None:
    """As published: weights go back to where the outer step left them, moments and the count of steps run on."""
    mine, theirs = learner(), network()
    theirs.load_state_dict(mine.network.state_dict())
    optimizer = adam(theirs)
    outer = torch.optim.SGD(mine.parameters(), 0.5)
    for task in [Task(side(), side()) for _ in range(4)]:
        before = copy.deepcopy(theirs.state_dict())
        steps(theirs, optimizer, torch.cat([task.support.x, task.query.x]), torch.cat([task.support.y, task.query.y]), 3)
        ends = theirs.state_dict()
        theirs.load_state_dict({name: old + 0.5 * (ends[name] - old) for name, old in before.items()})
        outer.zero_grad()
        meta_gradient(mine, stack_tasks([task]))
        outer.step()
        mine.advance()
        torch.testing.assert_close(mine.network.state_dict(), theirs.state_dict(), rtol=1e-9, atol=1e-11)
    support = side()
    found = mine.eval().adapt(support).weights
    steps(theirs, optimizer, support.x, support.y, 2)
    torch.testing.assert_close(found, dict(theirs.named_parameters()), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("strategy", ["loop", "vmap"])
def test_the_mean_of_the_tasks_last_moments_is_kept(strategy: Strategy) -> None:
    mine, tasks = learner(), [Task(side(), side()) for _ in range(3)]
    ends = []
    for task in tasks:
        net = network()
        net.load_state_dict(mine.network.state_dict())
        optimizer = adam(net)
        steps(net, optimizer, torch.cat([task.support.x, task.query.x]), torch.cat([task.support.y, task.query.y]), 3)
        ends.append([optimizer.state[weight] for weight in net.parameters()])
    meta_gradient(mine, stack_tasks(tasks), strategy=strategy)
    assert float(mine.kept.memory.abs().max()) == 0, "nothing is kept before the outer step is done"
    mine.advance()
    count, first, second = mine.kept.init(dict(mine.network.named_parameters()))
    assert float(count) == 3
    for kept, name in ((first, "exp_avg"), (second, "exp_avg_sq")):
        mean = torch.stack([vector([state[name] for state in end]) for end in ends]).mean(0)
        torch.testing.assert_close(vector(list(kept.values())), mean, rtol=1e-9, atol=1e-14)


def test_mini_batches_are_passes_over_real_rows_each_in_a_new_order() -> None:
    mine = learner(inner_batch=2, inner_steps=7)
    mask = pad(side(), 9).mask
    orders = []
    for _ in range(50):
        rows = mine._batches(mask).flatten().tolist()
        passes = [rows[start : start + S] for start in (0, S)]
        assert all(sorted(one) == list(range(S)) for one in passes) and set(rows) == set(range(S))
        assert passes[0] != passes[1] or len(orders) > 0
        orders += [tuple(one) for one in passes]
    assert len(set(orders)) > 80
    assert mine.eval()._batches(mask).flatten().tolist() == [*range(S), *range(S), 0, 1]
    assert learner(inner_batch=2 * S, inner_steps=1).eval()._batches(mask).flatten().tolist() == 2 * [*range(S)]


def test_first_rows_are_drawn_evenly() -> None:
    mine = learner(inner_batch=1, inner_steps=1)
    counts = torch.bincount(torch.cat([mine._batches(torch.ones(4)).flatten() for _ in range(4000)]), minlength=4)
    assert (counts - 1000).abs().max() < 5 * (4000 * 0.25 * 0.75) ** 0.5


def test_the_memory_is_saved_and_resumed() -> None:
    mine = learner(inner_batch=4)
    optimizer = torch.optim.SGD(mine.parameters(), 0.5)
    list(train(mine, Sinusoid5(), steps=3, batch=2, optimizer=optimizer))
    assert float(mine.kept.memory[0]) == 9
    again = learner(inner_batch=4)
    again.load_state_dict(mine.state_dict())
    support = side()
    torch.testing.assert_close(again.eval().adapt(support), mine.eval().adapt(support), rtol=0, atol=0)


def test_a_rule_without_memory_keeps_none() -> None:
    plain = learners.Reptile(network(), rule=SGD(0.1), likelihood=Gaussian())
    assert plain.kept.memory.numel() == 0 and plain.kept.init(dict(plain.network.named_parameters())) is None


class Sinusoid5(Sinusoid):
    """Sine waves of two inputs, the second always one."""

    def gather(self, plan):  # type: ignore[no-untyped-def]
        tasks = super().gather(plan)
        sides = [s.replace(torch.cat([s.x, torch.ones_like(s.x)], -1).double()) for s in (tasks.support, tasks.query)]
        return Task(*(Examples(s.x, s.y.double(), s.mask.double()) for s in sides))
