"""Peak memory of an adaptation: against sizes known by hand, and against torch's own memory profiler."""

from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from quickstudy import Examples, Learner, datasets, evaluate, learners
from quickstudy.execution.footprint import adaptation_peak, peak_of
from quickstudy.functional import Adam
from quickstudy.functional.tree import bytes_of
from quickstudy.likelihood import Gaussian
from quickstudy.nn import MLP
from quickstudy.tasks import FewShot, Sinusoid

MEGA = 1_000_000


class Sums(NamedTuple):
    total: Tensor


class Known(Learner[Sums]):
    """Makes tensors of known sizes: two of 4 MB at once, the first gone before the third is made."""

    def adapt(self, support: Examples) -> Sums:
        first = torch.zeros(MEGA)
        second = first + 1
        del first
        third = second.view(1000, 1000)  # a view costs nothing
        return Sums((third * 2).sum()[None])

    def predict(self, state: Sums, x: Tensor) -> Tensor:
        return state.total.expand(len(x), 2)


def support(rows: int = 6) -> Examples:
    return Examples.of(torch.randn(rows, 40), torch.arange(rows) % 3)


def profiled(learner: Learner, examples: Examples) -> int:  # type: ignore[type-arg]
    """The same peak by the allocator's own events."""
    with torch.no_grad(), profile(activities=[ProfilerActivity.CPU], profile_memory=True) as found:
        learner.adapt(examples.replace(learner.encode(examples.x)))
    events = [(e.start_ns(), e.nbytes()) for e in found.profiler.kineto_results.events() if e.name() == "[memory]"]
    now = top = 0
    for _, size in sorted(events, key=lambda event: event[0]):
        now += size
        top = max(top, now)
    return top


def test_sizes_known_by_hand() -> None:
    assert 8 * MEGA <= adaptation_peak(Known(), support()) <= 8 * MEGA + 100


@pytest.mark.parametrize(
    "make",
    [
        lambda: learners.MAML(nn.Sequential(nn.Linear(40, 200), nn.Tanh(), nn.Linear(200, 3)), test_steps=3),
        lambda: learners.ProtoNet(nn.Linear(40, 500)),
        lambda: learners.FromScratch(nn.Linear(40, 3), rule=Adam(0.1), steps=5),
    ],
    ids=["MAML", "ProtoNet", "FromScratch"],
)
def test_it_agrees_with_the_profiler(make) -> None:  # type: ignore[no-untyped-def]
    learner, examples = make().eval(), support()
    mine, theirs = adaptation_peak(learner, examples), profiled(learner, examples)
    assert theirs * 0.9 < mine <= theirs


def test_more_examples_need_more_memory_and_the_state_counts() -> None:
    learner = learners.ProtoNet(nn.Linear(40, 500))
    small, large = adaptation_peak(learner, support(6)), adaptation_peak(learner, support(60))
    assert small < large
    assert small >= bytes_of(learner(support(6)).state)


def test_nothing_is_left_behind() -> None:
    learner, examples = learners.MAML(nn.Linear(40, 3)).train(), support()
    before, numbers = {k: v.clone() for k, v in learner.state_dict().items()}, torch.get_rng_state()
    adaptation_peak(learner, examples)
    assert learner.training
    assert all(v.equal(before[k]) for k, v in learner.state_dict().items())
    assert torch.get_rng_state().equal(numbers)


def test_evaluating_ten_times_as_many_tasks_holds_a_longer_list_and_nothing_else() -> None:
    """Neither features nor tasks nor predictions gather: row numbers do, some 6 kB of a task of 80 rows while it is planned."""
    labels = torch.arange(3000) % 30
    source = FewShot(datasets.from_arrays(torch.randn(3000, 64), labels), 5, 1, 15)
    learner = learners.ProtoNet(nn.Linear(64, 16))
    few, many = (peak_of(lambda tasks=tasks: evaluate(learner, source, tasks=tasks)) for tasks in (200, 2000))
    assert (many - few) / 1800 < 6000, f"{few:,} bytes for 200 tasks, {many:,} for 2,000"
    drawn = Sinusoid(shots=10, queries=100)
    fitted = learners.MAML(MLP(1, outputs=1), inner_lr=0.01, likelihood=Gaussian())
    few, many = (peak_of(lambda tasks=tasks: evaluate(fitted, drawn, tasks=tasks)) for tasks in (200, 2000))
    assert (many - few) / 1800 < 6000, f"{few:,} bytes for 200 tasks, {many:,} for 2,000"
