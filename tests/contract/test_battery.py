"""The battery fails for learners and sources that break a promise, at the point that speaks of it: the tests of the tests."""

import logging
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

from contract.cases import INPUTS, blobs, few
from contract.cases.optimization import first_order
from quickstudy import Examples, Task, learners, tasks
from quickstudy.checks import Training, check_learner, check_metagradient, check_source
from quickstudy.errors import ContractError, QuickstudyError
from quickstudy.execution.batching import choose, encode_tasks
from quickstudy.functional import squared_distance
from quickstudy.learner import Facts
from quickstudy.learners.metric.proto import Prototypes
from quickstudy.tasks.row_plan import RowPlan


class Sound(learners.ProtoNet):
    """What all broken learners here derive from, and sound itself."""


class UsesItem(Sound):
    def adapt(self, support: Examples) -> Prototypes:
        return super().adapt(support.replace(support.x / 2) if support.x.mean().item() > 1e9 else support)


class FusedNorm(learners.MAML):
    """Its network calls layer norm by its functional form, which no scan of modules can see."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.last = nn.Linear(INPUTS, 8), nn.Linear(8, 3)
            self.weight, self.bias = nn.Parameter(torch.rand(8) + 0.5), nn.Parameter(torch.randn(8))

        def forward(self, x: Tensor) -> Tensor:
            outputs: Tensor = self.last(nn.functional.layer_norm(self.first(x), (8,), self.weight, self.bias).tanh())
            return outputs

    def __init__(self) -> None:
        super().__init__(self.Net(), inner_lr=1.0, inner_steps=2)


class KeepsStateInModule(Sound):
    def adapt(self, support: Examples) -> Prototypes:
        self.last = super().adapt(support)
        return self.last

    def predict(self, state: Prototypes, x: Tensor) -> Tensor:
        return super().predict(self.last, x)


@dataclass
class Unregistered:
    means: Tensor
    counts: Tensor


class StateNoTree(Sound):
    facts = Facts(batchable=False)

    def adapt(self, support: Examples) -> Any:
        return Unregistered(*super().adapt(support))


class IgnoresMask(Sound):
    def adapt(self, support: Examples) -> Prototypes:
        return super().adapt(replace(support, mask=torch.ones_like(support.mask)))


class IgnoresQueryMask(Sound):
    def objective(self, task: Task) -> Tensor:
        return super().objective(Task(task.support, replace(task.query, mask=torch.ones_like(task.query.mask))))


class AnswersAbsentClasses(Sound):
    def predict(self, state: Prototypes, x: Tensor) -> Tensor:
        return -squared_distance(x, state.means)


class Ordered(Sound):
    def adapt(self, support: Examples) -> Prototypes:
        place = torch.arange(len(support), dtype=support.mask.dtype)
        return super().adapt(support.replace(support.x * (1 + 0.1 * place[:, None])))


class Leaks(Sound):
    def predict(self, state: Prototypes, x: Tensor) -> Tensor:
        return super().predict(state, x - 0.1 * x.mean(0))


class PrefersFirst(Sound):
    def predict(self, state: Prototypes, x: Tensor) -> Tensor:
        return super().predict(state, x) + nn.functional.one_hot(torch.zeros(len(x)).long(), len(state.counts)) * 0.1


class Counts(Sound):
    """Mutates its state_dict in adapt."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__(encoder)
        self.register_buffer("seen", torch.zeros(()))

    def adapt(self, support: Examples) -> Prototypes:
        self.get_buffer("seen").add_(len(support))
        return super().adapt(support)


class Scribbles(Sound):
    """Changes the task it is given."""

    def encode(self, x: Tensor) -> Tensor:
        x.mul_(1.001)
        return super().encode(x)


class DrawsUndeclared(Sound):
    facts = Facts(batchable=False)

    def predict(self, state: Prototypes, x: Tensor) -> Tensor:
        return super().predict(state, x) + 1e-7 * torch.rand(())


class Detached(Sound):
    def adapt(self, support: Examples) -> Prototypes:
        means, counts = super().adapt(support)
        return Prototypes(means.detach(), counts)


class Unused(Sound):
    def __init__(self, encoder: nn.Module) -> None:
        super().__init__(encoder)
        self.spare = nn.Parameter(torch.zeros(()))


class RootOfZero(Sound):
    def __init__(self, encoder: nn.Module) -> None:
        super().__init__(encoder)
        self.extra = nn.Parameter(torch.zeros(()))

    def predict(self, state: Prototypes, x: Tensor) -> Tensor:
        return super().predict(state, x) * (1 + self.extra.abs().sqrt())


class Unsaved(Sound):
    facts = Facts(gradient="none")

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__(encoder)
        self.shift = torch.full((1,), 0.5)

    def predict(self, state: Prototypes, x: Tensor) -> Tensor:
        return super().predict(state, x * self.shift)


class AlwaysSingle(Sound):
    facts = Facts(gradient="none")

    def predict(self, state: Prototypes, x: Tensor) -> Tensor:
        return super().predict(state, x).float()


class Deaf(Sound):
    facts = Facts(gradient="none")

    def predict(self, state: Prototypes, x: Tensor) -> Tensor:
        return self.likelihood.restrict(x.new_zeros(len(x), len(state.counts)), state.counts)


class Forgets(Sound):
    def update(self, state: Prototypes, more: Examples) -> Prototypes:
        fresh = self.adapt(more)
        return Prototypes((state.means + fresh.means) / 2, state.counts + fresh.counts)


class Shouts(Sound):
    """What one thread computes lies where the other finds it."""

    slate: ClassVar[dict[str, Tensor]] = {}
    both: ClassVar = threading.Barrier(2)

    def predict(self, state: Prototypes, x: Tensor) -> Tensor:
        self.slate["means"] = state.means
        if threading.current_thread() is not threading.main_thread():
            self.both.wait(60)
        return super().predict(Prototypes(self.slate["means"], state.counts), x)


class Grows(Sound):
    """Keeps what it learns from step to step where all learners share it."""

    scale: ClassVar[list[float]] = [1.0]

    def advance(self) -> None:
        self.scale[0] *= 1.1

    def predict(self, state: Prototypes, x: Tensor) -> Tensor:
        return super().predict(state, x * self.scale[0])


class Nameless(Sound):
    def __repr__(self) -> str:
        return "a learner"


class CountsQueries(Sound):
    def predict(self, state: Prototypes, x: Tensor) -> Tensor:
        return super().predict(state, x) + x.new_zeros(len(x), 1)


class BranchesOnNumbers(Sound):
    facts = Facts(batchable=False)

    def predict(self, state: Prototypes, x: Tensor) -> Tensor:
        return super().predict(state, x if bool(state.counts.all()) else x + 1)


class AdaptsByNumbers(Sound):
    facts = Facts(batchable=False)

    def adapt(self, support: Examples) -> Prototypes:
        return super().adapt(support if bool(support.mask.any()) else support.replace(support.x + 1))


def linear() -> nn.Module:
    return nn.Linear(INPUTS, 8)


BROKEN: dict[type, tuple[int, str]] = {
    UsesItem: (1, "item"),
    FusedNorm: (1, "deviation"),
    KeepsStateInModule: (2, "last"),
    StateNoTree: (2, "Unregistered"),
    IgnoresMask: (3, "padding the support set"),
    IgnoresQueryMask: (3, "objective"),
    AnswersAbsentClasses: (3, "restrict"),
    Ordered: (4, "deviation"),
    Leaks: (5, "transductive=True"),
    PrefersFirst: (6, "rename"),
    Counts: (7, "changed: seen"),
    Scribbles: (7, "tensor of the task"),
    DrawsUndeclared: (7, "stochastic"),
    Detached: (8, "finite differences"),
    Unused: (8, "no gradient reaches spare"),
    RootOfZero: (8, "extra is NaN"),
    Unsaved: (9, "predicts differently"),
    AlwaysSingle: (10, "torch.float32"),
    Deaf: (11, "another task"),
    Forgets: (12, "update"),
    CountsQueries: (16, "queries"),
    BranchesOnNumbers: (16, "data-dependent"),
    AdaptsByNumbers: (17, "data-dependent"),
    Nameless: (13, "Nameless and norm=running"),
    Shouts: (14, "gave other outputs when called from two threads"),
    Grows: (15, "changed while its learner trained"),
}
SHORT = Training(steps=30, tasks=30)


@pytest.mark.parametrize("broken", BROKEN, ids=lambda cls: cls.__name__)
def test_a_broken_promise_is_named(broken: Any) -> None:
    number, words = BROKEN[broken]
    learner = broken() if broken is FusedNorm else broken(linear())
    with pytest.raises(ContractError) as caught:
        check_learner(learner, few(), trained=SHORT)
    message = str(caught.value)
    assert message.startswith(f"point {number} does not hold for {broken.__name__}: ")
    assert words in message and "Found: " in message
    assert isinstance(caught.value, QuickstudyError | AssertionError)


def test_the_sound_one_passes_and_prints_a_table() -> None:
    checks = check_learner(Sound(linear()), few(), trained=SHORT)
    assert checks.held == tuple(range(1, 18)) and checks.excused == {}
    lines = str(checks).splitlines()
    assert lines[0] == "Sound: 17 points held, 0 excused" and len(lines) == 18 and "deviation" in lines[4]


class Sways(Sound):
    """Draws prototypes anew around the class means, and says so."""

    facts = Facts(stochastic=True)

    def adapt(self, support: Examples) -> Prototypes:
        means, counts = super().adapt(support)
        return Prototypes(means + 0.01 * torch.randn_like(means), counts)


class SwaysInOrder(Sways):
    def adapt(self, support: Examples) -> Prototypes:
        place = torch.arange(len(support), dtype=support.mask.dtype)
        return super().adapt(support.replace(support.x * (1 + 0.1 * place[:, None])))


def test_a_stochastic_learner_is_compared_in_the_mean() -> None:
    assert check_learner(Sways(linear()), few(), trained=SHORT).held == (
        1,
        2,
        3,
        4,
        5,
        6,
        7,
        8,
        9,
        10,
        11,
        12,
        13,
        14,
        15,
        16,
        17,
    )
    with pytest.raises(ContractError, match=r"^point 4 .* standard errors"):
        check_learner(SwaysInOrder(linear()), few(), trained=SHORT)


def test_auto_takes_the_loop_where_vmap_is_wrong_without_a_word(caplog: pytest.LogCaptureFixture) -> None:
    learner = FusedNorm().train()
    batch = few().sample(3)
    with caplog.at_level(logging.WARNING, "quickstudy"):
        assert choose(learner, encode_tasks(learner, batch)) == "loop"
    assert "numbers under vmap are wrong" in caplog.text
    assert choose(learners.MAML(linear()).train(), batch) == "vmap"


def test_a_surrogate_is_held_to_its_formula() -> None:
    learner = learners.MAML(nn.Linear(INPUTS, 3), inner_lr=0.5, inner_steps=2, first_order=True)
    assert check_metagradient(learner, few(), expected_gradient=first_order).held == (8,)
    exact = learners.MAML(nn.Linear(INPUTS, 3), inner_lr=0.5, inner_steps=2)
    exact.facts = replace(exact.facts, gradient="surrogate")
    with pytest.raises(ContractError, match="stated formula"):
        check_metagradient(exact, few(), expected_gradient=first_order)
    learner.facts = replace(learner.facts, gradient="exact")
    with pytest.raises(ContractError, match="finite differences"):
        check_metagradient(learner, few())


class Source(tasks.FewShot):
    """Sound; the broken ones derive from it."""

    def __init__(self) -> None:
        super().__init__(blobs(), 3, 2, 5)


class Global(Source):
    def plan(self, batch: int, generator: torch.Generator | None = None) -> RowPlan:
        return super().plan(batch, None)


class Stubborn(Source):
    def plan(self, batch: int, generator: torch.Generator | None = None) -> RowPlan:
        return super().plan(batch, torch.Generator().manual_seed(0))


class DrawsLate(Source):
    late = torch.Generator()

    def gather(self, plan: RowPlan) -> Task:
        task = super().gather(plan)
        return Task(task.support.replace(task.support.x + torch.randn((), generator=self.late)), task.query)


class Standardises(Source):
    def gather(self, plan: RowPlan) -> Task:
        task = super().gather(plan)
        return Task(task.support.replace(task.support.x - task.support.x.mean((0, 1))), task.query)


class Gaps(Source):
    def gather(self, plan: RowPlan) -> Task:
        task = super().gather(plan)
        return Task(task.support.replace(task.support.x.masked_fill(task.support.x > 1, math.nan)), task.query)


class Shapeless(Source):
    def gather(self, plan: RowPlan) -> Task:
        task = super().gather(plan)
        return Task(task.support.replace({"x": task.support.x, "row": task.support.x[:, :1]}), task.query)


class Lacking(Source):
    def plan(self, batch: int, generator: torch.Generator | None = None) -> RowPlan:
        plan = super().plan(batch, generator)
        return replace(plan, support_mask=plan.support_mask & (plan.support_columns != 0))


class Seen(Source):
    def plan(self, batch: int, generator: torch.Generator | None = None) -> RowPlan:
        plan = super().plan(batch, generator)
        rows = plan.query_rows.clone()
        rows[:, 0] = plan.support_rows[:, 0]
        return replace(plan, query_rows=rows)


@pytest.mark.parametrize(
    ("number", "source"),
    [(1, Global), (1, Stubborn), (2, DrawsLate), (3, Standardises), (4, Gaps), (5, Shapeless), (6, Lacking), (7, Seen)],
)
def test_a_broken_source_is_named(number: int, source: Callable[[], Source]) -> None:
    with pytest.raises(ContractError, match=rf"^point {number} does not hold"):
        check_source(source())


@pytest.mark.parametrize(
    "source",
    [
        Source(),
        tasks.FewShot(blobs(), (2, 5), (1, 4), 3, balanced=False),
        tasks.FewShot(blobs(), (5, 40), sizes=tasks.meta_dataset_sizes),
        tasks.Supervised(blobs()),
        tasks.Sinusoid(grid=True),
        tasks.Mixture([Source(), tasks.FewShot(blobs(), 2, 1, 4)]),
        tasks.Mixture([tasks.Sinusoid(5), tasks.Sinusoid(10, 30)], [1, 3]),
    ],
    ids=lambda source: source.name,
)
def test_our_sources_pass(source: tasks.TaskSource[Any]) -> None:
    checks = check_source(source)
    assert len(checks.points) == 7 and set(checks.excused) <= {6, 7}
