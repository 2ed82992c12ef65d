"""Augmented tasks: bijections of targets that support and query share, mixtures that end where they should, all from the plan."""

import pytest
import torch
from torch import Tensor

from quickstudy import datasets
from quickstudy.checks import answered_without_support, check_source
from quickstudy.errors import TaskError
from quickstudy.functional import BetaShare
from quickstudy.functional.counted_random import counted_uniforms
from quickstudy.functional.mixing import Mixed, mix
from quickstudy.task import Examples, Task
from quickstudy.tasks import (
    MLTI,
    FewShot,
    FixedColumns,
    MetaAug,
    MetaMix,
    Mixture,
    OneHotSinusoid,
    Permuted,
    Scaled,
    Shifted,
    Sinusoid,
    Supervised,
    TaskSource,
)
from quickstudy.tasks.source import generator_of


def ones(uniform: Tensor) -> Tensor:
    return torch.ones_like(uniform)


def zeros(uniform: Tensor) -> Tensor:
    return torch.zeros_like(uniform)


def index(classes: int = 12, groups: bool = False) -> datasets.class_index.ClassIndex:
    """Rows that say their class in the first number and themselves in the second."""
    labels = torch.arange(classes).repeat_interleave(8)
    x = torch.stack([labels.float(), torch.arange(len(labels)).float()], 1)
    return datasets.from_arrays(x, labels, groups=torch.arange(len(labels)) % 4 if groups else None)


def few(ways: int | tuple[int, int] = 4, shots: int | tuple[int, int] = 2) -> FewShot:
    return FewShot(index(), ways, shots, 3)


SOURCES: list[TaskSource[object]] = [
    MetaAug(few()),
    MetaAug(few((2, 4), (1, 2))),
    MetaAug(Mixture([few(2), few(4)])),
    MetaAug(Sinusoid(), Shifted(2.0)),
    MetaAug(OneHotSinusoid(), Scaled()),
    MetaMix(few((2, 4))),
    MetaMix(Sinusoid(), levels=3),
    MLTI(few((2, 4), (1, 2))),
    MLTI(few(), levels=2),
    MLTI(FixedColumns(few()), shares_labels=True),
    MLTI(Mixture([Sinusoid(3), Sinusoid(6)])),
    MetaAug(MLTI(Sinusoid()), Shifted()),
    FixedColumns(few()),
    FixedColumns(FewShot(index(groups=True), 4, 1, 2)),
    OneHotSinusoid(),
    OneHotSinusoid(told=False),
]


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_every_one_is_a_source(source: TaskSource[object]) -> None:
    """Repeatable, resumable, the same in any company, without leaks: the seven promises."""
    check_source(source)


def test_counted_numbers_are_splitmix() -> None:
    """The first output of SplitMix64 from state 0 is published; streams, seeds and places are independent."""
    mixed = counted_uniforms.__globals__["_mixed"]
    assert int(mixed(torch.tensor(counted_uniforms.__globals__["_GOLDEN"]))) % 2**64 == 0xE220A8397B1DCDAF
    u = counted_uniforms(torch.arange(200), (50, 40))
    assert abs(float(u.mean()) - 0.5) < 4 / (12 * u.numel()) ** 0.5 and float(u.min()) >= 0 and float(u.max()) < 1
    assert abs(float(u.var()) - 1 / 12) < 1e-3
    for other in (u.roll(1, 0), u.roll(1, 1), u.roll(1, 2), counted_uniforms(torch.arange(200), (50, 40), 1)):
        related = float(((u - 0.5) * (other - 0.5)).mean() * 12)
        assert abs(related) < 5 / u.numel() ** 0.5


def recoded(before: Task, after: Task) -> Tensor:
    """Which old column stands in each new one, (B, N); both sides must agree, row by row."""
    found = []
    for side in ("support", "query"):
        a, b = getattr(before, side).y, getattr(after, side).y
        found.append(a.mT @ b)
    together = found[0] + found[1]
    assert ((together > 0).sum(1) <= 1).all() and ((together > 0).sum(2) <= 1).all()
    return together > 0


@pytest.mark.parametrize("ways", [4, (2, 4)])
def test_meta_aug_is_a_bijection_that_both_sides_share(ways: int | tuple[int, int]) -> None:
    plain = few(ways)
    plan = MetaAug(plain).plan(400, generator_of(3))
    before, after = plain.gather(plan.plans[0]), MetaAug(plain).gather(plan)
    moved = recoded(before, after)
    assert torch.equal(before.support.x, after.support.x) and torch.equal(before.query.mask, after.query.mask)
    present = before.support.y.sum(1) > 0
    assert torch.equal(moved.sum(1).bool(), present) and torch.equal(moved.sum(2).bool(), present)
    rates = moved[present.all(1)].float().mean(0)  # each column comes from each with the same chance
    assert (rates - 1 / rates.shape[0]).abs().max() < 0.12


def test_values_move_alike_on_both_sides_and_differ_by_task() -> None:
    plain = Sinusoid()
    for change in (Shifted(3.0), Scaled(0.5, 2.0)):
        source = MetaAug(plain, change)
        plan = source.plan(300, generator_of(1))
        before, after = plain.gather(plan.plans[0]), source.gather(plan)
        sides = [(before.support.y, after.support.y), (before.query.y, after.query.y)]
        moves = [(b - a if isinstance(change, Shifted) else b / a).flatten(1) for a, b in sides]
        middle = moves[0].median(1).values[:, None]
        assert all(((move - middle).abs() < 1e-3).float().mean() > 0.99 for move in moves)
        low, high = (-3, 3) if isinstance(change, Shifted) else (0.5, 2)
        assert low <= middle.min() < low + 0.1 and high - 0.1 < middle.max() <= high


def test_changes_refuse_the_other_kind_of_target() -> None:
    with pytest.raises(TaskError, match="values, which have no columns"):
        MetaAug(Sinusoid()).sample(2)
    for change in (Shifted(), Scaled()):
        with pytest.raises(TaskError, match=r"MetaAug\(source, Permuted\(\)\)"):
            MetaAug(few(), change).sample(2)


def test_a_change_of_ones_own() -> None:
    def negative(tasks: Task, seeds: Tensor) -> Task:
        sides = [Examples(side.x, -side.y, side.mask) for side in (tasks.support, tasks.query)]
        return Task(*sides)

    source = MetaAug(Sinusoid(), negative)
    plan = source.plan(2, generator_of(0))
    assert torch.equal(source.gather(plan).query.y, -Sinusoid().gather(plan.plans[0]).query.y)
    assert source.name.endswith("targets changed by negative")


@pytest.mark.parametrize("plain", [few(), Sinusoid()], ids=["classes", "values"])
@pytest.mark.parametrize("levels", [1, 3])
@pytest.mark.parametrize("kind", [MetaMix, MLTI])
def test_a_share_of_one_is_the_task_itself(kind: type[MLTI] | type[MetaMix], levels: int, plain: TaskSource[object]) -> None:
    source = kind(plain, ones, levels=levels)
    plan = source.plan(5, generator_of(2))
    found, expected = source.gather(plan), plain.gather(plan.plans[0])
    for mine, theirs in ((found.support, expected.support), (found.query, expected.query)):
        x = mix(mine.x.first, mine.x.second, mine.x.share) if levels > 1 else mine.x
        assert torch.equal(x, theirs.x) and torch.equal(mine.y, theirs.y) and torch.equal(mine.mask, theirs.mask)


def test_a_share_of_zero_is_the_partner() -> None:
    """MetaMix's queries become support examples with their targets; MLTI's examples become the other task's, class by class."""
    source = MetaMix(few(), zeros)
    plan = source.plan(5, generator_of(0))
    task, plain = source.gather(plan), few().gather(plan.plans[0])
    met = task.query.x[:, :, None] == plain.support.x[:, None]
    assert met.all(-1).any(-1).all() and torch.equal(task.support.x, plain.support.x)
    rows = met.all(-1).int().argmax(-1)
    assert torch.equal(task.query.y, plain.support.y.gather(1, rows[..., None].expand(-1, -1, 4)))
    source = MLTI(few(), zeros)
    plan = source.plan(50, generator_of(0))
    task, mine, other = source.gather(plan), few().gather(plan.plans[0]), few().gather(plan.plans[1])
    assert torch.equal(task.support.y, mine.support.y)
    for number in range(50):
        classes = torch.cat([task[number].support.x[:, 0], task[number].query.x[:, 0]])
        labels = torch.cat([task[number].support.labels, task[number].query.labels])
        assert set(classes.tolist()) == set(other[number].support.x[:, 0].tolist())
        assert len(set(zip(classes.tolist(), labels.tolist(), strict=True))) == 4  # a class is one column, and the reverse


def test_values_lie_between_two_tasks() -> None:
    source = MLTI(Sinusoid(), lambda u: torch.full_like(u, 0.25))
    plan = source.plan(3, generator_of(0))
    task, one, other = source.gather(plan), Sinusoid().gather(plan.plans[0]), Sinusoid().gather(plan.plans[1])
    rest = (task.query.x - 0.25 * one.query.x) / 0.75
    rows = (rest - other.query.x.mT).abs().argmin(2)
    torch.testing.assert_close(rest[..., 0], other.query.x[..., 0].gather(1, rows), atol=1e-5, rtol=0)
    expected = 0.25 * one.query.y[..., 0] + 0.75 * other.query.y[..., 0].gather(1, rows)
    torch.testing.assert_close(task.query.y[..., 0], expected, atol=1e-5, rtol=0)


def test_shared_labels_are_mixed() -> None:
    task = MLTI(FixedColumns(few()), lambda u: torch.full_like(u, 0.25), shares_labels=True).sample(20, generator_of(0))
    for side in (task.support, task.query):
        torch.testing.assert_close(side.y.sum(-1), side.mask)
        assert set(side.y.unique().tolist()) <= {0.0, 0.25, 0.75, 1.0} and (side.y == 0.25).any()


def test_shares_are_beta_and_levels_even() -> None:
    """Moments of Beta(2, 2) and Beta(0.5, 0.5): mean 1/2, variance 1/20 and 1/8."""
    for source, variance in ((MLTI(Sinusoid(2, 2), levels=3), 1 / 20), (MetaMix(Sinusoid(2, 2), levels=3), 1 / 8)):
        pairs = source.sample(3000, generator_of(0)).query.x
        assert isinstance(pairs, Mixed)
        share = pairs.share[:, 0]
        assert (pairs.share == share[:, None]).all() and (pairs.level == pairs.level[:, :1]).all()
        assert abs(float(share.mean()) - 0.5) < 0.03 and abs(float(share.var()) - variance) < 0.01
        assert (pairs.level[:, 0].bincount() / 3000 - 1 / 3).abs().max() < 0.04


@pytest.mark.parametrize("wrong", [(0.0, 1.0), (1.0, -2.0), (float("nan"), 1.0)])
def test_shares_that_cannot_be_drawn(wrong: tuple[float, float]) -> None:
    with pytest.raises(TaskError, match="above 0"):
        BetaShare(*wrong)
    with pytest.raises(TaskError, match="levels=0"):
        MLTI(few(), levels=0)


def test_mini_batches_without_support_sets() -> None:
    """Of supervised pre-training: between two mini-batches is one, but queries alone have no partner."""
    source = Supervised(index(), 6)
    task = MLTI(source, shares_labels=True).sample(3, generator_of(0))
    assert task.support.x.shape == (3, 0, 2) and task.query.y.shape == (3, 6, 12)
    with pytest.raises(TaskError, match="support sets are empty"):
        MetaMix(source).sample(2)


@pytest.mark.parametrize("groups", [False, True])
def test_fixed_columns_never_change_and_use_every_class(groups: bool) -> None:
    plan = FixedColumns(FewShot(index(14, groups), 4, 1, 2)).plan(2000, generator_of(0))
    assert torch.equal(plan.classes.remainder(4), torch.arange(4).expand(2000, 4))
    counts = plan.classes.flatten().bincount(minlength=14)
    expected = torch.tensor([2000 / len(range(column % 4, 14, 4)) for column in range(14)])
    assert (counts / expected - 1).abs().max() < 0.2
    with pytest.raises(TaskError, match="one number of ways"):
        FixedColumns(few((2, 4)))


def test_the_doctor_tells_memorable_tasks_from_exclusive_ones() -> None:
    """Columns that never change are answered without a support set; Meta-Aug ends that."""
    labels = torch.arange(400) % 20
    x = torch.nn.functional.one_hot(labels, 20) + 0.2 * torch.randn(400, 20, generator=generator_of(0))
    fixed = FixedColumns(FewShot(datasets.from_arrays(x, labels), 5, 1, 3))
    assert answered_without_support(fixed, steps=60, tasks=100).verdict == "severe"
    assert answered_without_support(MetaAug(fixed, Permuted()), steps=60, tasks=100).verdict == "ok"
    assert answered_without_support(OneHotSinusoid()).verdict == "severe"
    assert answered_without_support(MetaAug(OneHotSinusoid(), Scaled())).verdict in ("ok", "note", "warning")


def test_one_hot_waves() -> None:
    """Told: the code is the amplitude. Untold: it is independent of it. The oracle needs the support set alone."""
    for told in (True, False):
        source = OneHotSinusoid(20, 30, told=told, noise=0.0)
        plan = source.plan(2000, generator_of(0))
        task = source.gather(plan)
        assert torch.equal(task.query.x[..., 1:].sum(-1), task.query.mask)
        grid = torch.linspace(0.1, 4, 20)[task.query.x[:, 0, 1:].argmax(-1)]
        related = float(torch.corrcoef(torch.stack([grid, plan.amplitude]))[0, 1])
        assert related == pytest.approx(1, abs=1e-5) if told else abs(related) < 0.1
        torch.testing.assert_close(OneHotSinusoid.oracle(task[0].support)(task[0].query.x), task[0].query.y)
    with pytest.raises(TaskError):
        OneHotSinusoid(0)
