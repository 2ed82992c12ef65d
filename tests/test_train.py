"""The outer loop: seeded by step, resumable bit for bit, and safe when something goes wrong."""

import copy
import itertools
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import OneCycleLR, StepLR

from quickstudy import Task, datasets, learners, train
from quickstudy.errors import LearnerError, TaskError
from quickstudy.learner import Learner
from quickstudy.likelihood import Categorical, Gaussian
from quickstudy.nn import MLP
from quickstudy.tasks import FewShot, Plan, Sinusoid, TaskSource
from quickstudy.tasks.row_plan import RowPlan

INPUTS, WAYS = 6, 3
STEPS = 6


def source() -> FewShot:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(12).repeat_interleave(10)
    x = torch.randn(12, INPUTS, generator=generator)[labels] + 0.5 * torch.randn(120, INPUTS, generator=generator)
    return FewShot(datasets.from_arrays(x, labels), WAYS, 2, 4)


class Watched(FewShot):
    """Remembers the tasks that were drawn."""

    def __init__(self) -> None:
        plain = source()
        super().__init__(plain.index, WAYS, 2, 4)
        self.seen: list[str] = []

    def plan(self, batch: int, generator: torch.Generator | None = None) -> RowPlan:
        plan = super().plan(batch, generator)
        self.seen.append(plan.digest())
        return plan


def body() -> nn.Module:
    return nn.Sequential(nn.Linear(INPUTS, 12), nn.BatchNorm1d(12), nn.ReLU(), nn.Dropout(0.3), nn.Linear(12, WAYS))


def proto() -> learners.ProtoNet:
    torch.manual_seed(1)
    return learners.ProtoNet(body(), learn_scale=True)


def maml() -> learners.MAML:
    torch.manual_seed(1)
    return learners.MAML(body(), inner_lr=0.3)


def reptile() -> learners.Reptile:
    torch.manual_seed(1)
    return learners.Reptile(body())


kinds = pytest.mark.parametrize("make", [proto, maml, reptile])


def run(learner: Learner[Any], tasks: TaskSource[Any], **options: Any) -> list[Any]:
    chosen: dict[str, Any] = {"steps": STEPS, "batch": 3, "optimizer": torch.optim.Adam(learner.parameters(), 0.01)} | options
    return list(train(learner, tasks, **chosen))


def same(a: nn.Module, b: nn.Module) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


@kinds
def test_a_seed_decides_everything(make: Callable[[], Learner[Any]]) -> None:
    """Weights, buffers and dropout bit for bit, whatever the global generator says; which stays as it was."""
    trained = []
    for seed, noise in ((5, 0), (5, 99), (6, 0)):
        learner = make()
        torch.manual_seed(noise)
        before = torch.get_rng_state()
        run(learner, source(), seed=seed)
        assert torch.equal(before, torch.get_rng_state())
        trained.append(learner)
    assert same(trained[0], trained[1]) and not same(trained[0], trained[2])


def test_the_tasks_of_a_step_depend_on_seed_and_step_alone() -> None:
    whole, rest, other, later = Watched(), Watched(), Watched(), Watched()
    run(proto(), whole, seed=3)
    run(maml(), rest, seed=3, start=2)
    run(proto(), other, seed=4)
    run(proto(), later, seed=3, steps=STEPS + 2)
    assert len(set(whole.seen)) == STEPS
    assert whole.seen[2:] == rest.seen and later.seen[:STEPS] == whole.seen
    assert not set(whole.seen) & set(other.seen)


@kinds
@pytest.mark.parametrize("stop", [1, 4])
def test_a_run_that_was_stopped_goes_on_bit_for_bit(make: Callable[[], Learner[Any]], stop: int) -> None:
    def parts() -> tuple[Learner[Any], torch.optim.Optimizer, Any]:
        learner = make()
        optimizer = torch.optim.AdamW(learner.parameters(), 0.01)
        return learner, optimizer, OneCycleLR(optimizer, 0.02, total_steps=STEPS)

    whole, optimizer, schedule = parts()
    records = run(whole, source(), optimizer=optimizer, schedule=schedule, clip=0.5)
    first, optimizer, schedule = parts()
    begun = run(first, source(), optimizer=optimizer, schedule=schedule, clip=0.5, steps=stop)
    saved = copy.deepcopy([first.state_dict(), optimizer.state_dict(), schedule.state_dict()])
    second, optimizer, schedule = parts()
    for part, state in zip((second, optimizer, schedule), saved, strict=True):
        part.load_state_dict(state)
    rest = run(second, source(), optimizer=optimizer, schedule=schedule, clip=0.5, start=stop)
    assert same(whole, second)
    assert [(r.step, r.loss, r.gradient_norm, r.lr) for r in begun + rest] == [
        (r.step, r.loss, r.gradient_norm, r.lr) for r in records
    ]


def test_the_caller_may_stop_and_look_between_steps() -> None:
    learner, plain = maml(), maml()
    optimizer = torch.optim.Adam(learner.parameters(), 0.01)
    loop = train(learner, source(), steps=STEPS, batch=3, optimizer=optimizer)
    for record in itertools.islice(loop, 3):
        assert not learner.training
        learner(source().sample(1)[0].support)
        torch.rand(record.step)
    run(plain, source(), steps=3)
    assert same(learner, plain)


@kinds
def test_strategies_and_chunks_train_alike(make: Callable[[], Learner[Any]]) -> None:
    """Without dropout and mini-batches, which are drawn otherwise under vmap."""
    trained = []
    for options in ({"strategy": "loop"}, {"strategy": "vmap"}, {"strategy": "vmap", "chunk": 2}, {"strategy": "auto"}):
        learner = make()
        for part in learner.modules():
            if isinstance(part, nn.Dropout):
                part.p = 0.0
        if isinstance(learner, learners.Reptile):
            learner.inner_batch = WAYS * (2 + 4)
        trained.append(learner.double())
        run(learner, Doubled(), optimizer=torch.optim.SGD(learner.parameters(), 0.1), **options)
    for other in trained[1:]:
        for a, b in zip(trained[0].parameters(), other.parameters(), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-7, atol=1e-9)
        for a, b in zip(trained[0].buffers(), other.buffers(), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-7, atol=1e-9)


class Doubled(FewShot):
    def __init__(self) -> None:
        plain = source()
        super().__init__(datasets.class_index.ClassIndex(plain.index.gather(torch.arange(120)).double(), plain.index.labels,
                                                         plain.index.classes), WAYS, 2, 4)  # fmt: skip


def test_records_schedules_and_clipping() -> None:
    learner = maml()
    optimizer = torch.optim.SGD(learner.parameters(), 1.0)
    before = torch.cat([p.detach().flatten().clone() for p in learner.parameters()])
    steps = []
    for record in train(learner, source(), steps=4, batch=3, optimizer=optimizer, schedule=StepLR(optimizer, 2, 0.1), clip=1e-3):
        after = torch.cat([p.detach().flatten().clone() for p in learner.parameters()])
        steps.append(float((after - before).norm()))
        before = after
        assert record.gradient_norm > 1e-3 and record.seconds > 0 and math.isfinite(record.loss)
    assert steps == pytest.approx([1e-3, 1e-3, 1e-4, 1e-4], rel=2e-2)
    records = run(maml(), source(), steps=4)
    assert [record.step for record in records] == [1, 2, 3, 4] and {record.lr for record in records} == {0.01}


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, nesterov=True),
        lambda p: torch.optim.RMSprop(p, 0.001),
        lambda p: torch.optim.AdamW(p, 0.01, amsgrad=True),
    ],
)
def test_any_optimizer_learns(optimizer: Callable[[Any], torch.optim.Optimizer]) -> None:
    learner = learners.ProtoNet(MLP(INPUTS, (16, 8)))
    records = run(learner, source(), steps=40, batch=8, optimizer=optimizer(learner.parameters()))
    first, last = (sum(r.loss for r in part) / 8 for part in (records[:8], records[-8:]))
    assert last < first


def test_only_what_the_optimizer_holds_moves() -> None:
    learner = proto()
    head = learner.get_submodule("encoder.4")
    before = {name: w.clone() for name, w in learner.named_parameters()}
    run(learner, source(), optimizer=torch.optim.SGD(head.parameters(), 0.1))
    moved = {name for name, w in learner.named_parameters() if not w.equal(before[name])}
    assert moved == {"encoder.4.weight", "encoder.4.bias"}
    frozen = maml()
    frozen.get_submodule("network.0").requires_grad_(False)
    weight = frozen.get_parameter("network.0.weight").clone()
    run(frozen, source())
    assert frozen.get_parameter("network.0.weight").equal(weight)


class Poisoned(TaskSource[Plan]):
    """Good tasks, and from the third step on one infinite input."""

    likelihood = Categorical()

    def __init__(self) -> None:
        self.good, self.calls = source(), 0

    def plan(self, batch: int, generator: torch.Generator | None = None) -> Any:
        return self.good.plan(batch, generator)

    def gather(self, plan: Any) -> Task:
        task, self.calls = self.good.gather(plan), self.calls + 1
        if self.calls > 2:
            task.query.x[0, 0] = torch.inf
        return task


@kinds
def test_a_loss_that_is_no_number_stops_and_leaves_the_learner(make: Callable[[], Learner[Any]]) -> None:
    learner = make()
    optimizer = torch.optim.Adam(learner.parameters(), 0.01)
    kept: dict[str, Tensor] = {}
    with pytest.raises(LearnerError, match=r"^step 3: the loss is .*Lower the learning rates \(inner_lr first\), pass clip="):
        for _ in train(learner, Poisoned(), steps=9, batch=3, optimizer=optimizer):
            kept = {name: w.clone() for name, w in learner.state_dict().items()}
    assert all(torch.isfinite(w).all() for w in kept.values())
    assert all(w.equal(kept[name]) for name, w in learner.state_dict().items())
    assert not learner.training and all(p.grad is None for p in learner.parameters())
    assert {int(state["step"]) for state in optimizer.state.values()} == {2}


def test_an_inner_step_that_is_too_large_is_told() -> None:
    network = nn.Sequential(nn.Linear(INPUTS, 8), nn.Softplus(), nn.Linear(8, WAYS))
    with pytest.raises(LearnerError, match="inner_lr"):
        run(learners.MAML(network, inner_lr=1e38), source())


def test_what_cannot_be_trained_is_said_at_the_first_step() -> None:
    optimizer = torch.optim.Adam([nn.Parameter(torch.zeros(1))], 0.1)
    for learner in (learners.NearestCentroid(), learners.NearestCentroid(MLP(INPUTS)), learners.LogisticRegression()):
        with pytest.raises(LearnerError, match="nothing to meta-train"):
            next(train(learner, source(), steps=1, batch=1, optimizer=optimizer))
    with pytest.raises(LearnerError, match="nothing to meta-train"):
        next(train(maml().requires_grad_(False), source(), steps=1, batch=1, optimizer=optimizer))
    network = body()
    with pytest.raises(LearnerError, match=r"copy of the network.*learner.parameters\(\)"):
        next(train(learners.MAML(network), source(), steps=1, batch=1, optimizer=torch.optim.Adam(network.parameters(), 0.1)))
    with pytest.raises(TaskError, match="batch=0"):
        next(train(maml(), source(), steps=1, batch=0, optimizer=torch.optim.Adam(maml().parameters(), 0.1)))


def test_maml_learns_sine_waves() -> None:
    learner = learners.MAML(
        nn.Sequential(nn.Linear(1, 24), nn.Tanh(), nn.Linear(24, 24), nn.Tanh(), nn.Linear(24, 1)),
        inner_lr=0.02,
        likelihood=Gaussian(),
    )
    records = run(learner, Sinusoid(10, 10), steps=150, batch=10, optimizer=torch.optim.Adam(learner.parameters(), 0.003))
    first, last = (sum(r.loss for r in part) / 20 for part in (records[:20], records[-20:]))
    assert last < 0.8 * first
