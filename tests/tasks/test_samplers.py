"""Which classes tasks are made of: what each sampler promises, what it remembers, and that the default draws as it always did."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from quickstudy import datasets
from quickstudy.datasets.class_index import ClassIndex
from quickstudy.errors import TaskError
from quickstudy.tasks import Balanced, ClassSampler, Curriculum, Diverse, EachOnce, FewShot, Hard, Mixture, Unsplit, growing
from quickstudy.tasks.row_plan import RowPlan
from quickstudy.tasks.samplers import in_random_order
from quickstudy.tasks.source import generator_of

SAMPLERS: dict[str, Callable[[ClassIndex], ClassSampler]] = {
    "balanced": Balanced,
    "each once": EachOnce,
    "hard": Hard,
    "diverse": Diverse,
}


def index(classes: int = 12, each: int = 12, groups: int = 0, families: int = 3) -> ClassIndex:
    """Points around random centres; class c is of family c mod ``families``."""
    labels = torch.arange(classes).repeat_interleave(each)
    centres = torch.randn(classes, 16, generator=generator_of(5))
    data = datasets.from_arrays(
        centres[labels] + 0.1 * torch.randn(len(labels), 16, generator=generator_of(6)),
        labels,
        groups=torch.arange(len(labels)) % groups if groups else None,
    )
    names = tuple(f"family {c % families}" for c in range(classes))
    return ClassIndex(data.x, data.labels, data.classes, "toys", data.groups, data.group_names, families=names)


def observed(source: FewShot, steps: int, batch: int, loss: Callable[[RowPlan], Tensor]) -> list[RowPlan]:
    """The plans of so many outer steps, with their losses told as `train` does."""
    plans = []
    for step in range(steps):
        plans.append(source.plan(batch, generator_of(0, step)))
        source.observe(plans[-1], loss(plans[-1]))
    return plans


def no_loss(plan: RowPlan) -> Tensor:
    return torch.zeros(len(plan))


def test_uniform_draws_are_what_they_were() -> None:
    """Of the release before samplers: task lists that people keep must not change."""
    labels = torch.arange(10).repeat_interleave(12)
    rows = torch.arange(120)
    plain = datasets.from_arrays(rows[:, None].float(), labels, name="toys")
    grouped = datasets.from_arrays(rows[:, None].float(), labels, groups=rows % 3, name="toys")
    assert FewShot(plain, 5, 2, 4).plan(700, generator_of(3)).digest() == "ba735d1fb6e5e6bf"
    assert FewShot(grouped, (2, 5), (1, 2), 3).plan(700, generator_of(3)).digest() == "42eeab28ab5989ee"
    assert FewShot(plain, 5, (1, 6), 3, balanced=False).plan(700, generator_of(3)).digest() == "617f86ab255a36ea"
    source = FewShot(plain, 5, 2, 4)
    assert source.name == "toys 5-way 2-shot 4 queries" and source.state_dict() == {}


@pytest.mark.parametrize("groups", [0, 5])
@pytest.mark.parametrize("name", SAMPLERS)
def test_tasks_are_whole(name: str, groups: int) -> None:
    """Distinct classes, rows of their classes, no group on both sides, ways in their range; drawing twice is drawing alike."""
    data = index(groups=groups)
    source = FewShot(data, (2, 6), (1, 2), 3, classes=SAMPLERS[name](data))
    plans = observed(source, 4, 25, lambda plan: plan.classes.clamp(min=0).float().mean(1))
    again = FewShot(data, (2, 6), (1, 2), 3, classes=SAMPLERS[name](data)).plan(25, generator_of(0, 0))
    assert again.digest() == plans[0].digest()
    for plan in plans:
        assert set((plan.classes >= 0).sum(1).tolist()) == {2, 3, 4, 5, 6}
        for task in range(len(plan)):
            sides = []
            for side in ("support", "query"):
                rows, columns, mask = (getattr(plan, f"{side}_{part}")[task] for part in ("rows", "columns", "mask"))
                assert torch.equal(data.labels[rows[mask]], plan.classes[task][columns[mask]])
                sides.append(rows[mask] if data.groups is None else data.groups[rows[mask]])
            assert not set(sides[0].tolist()) & set(sides[1].tolist())
            used = plan.classes[task][plan.classes[task] >= 0]
            assert len(used.unique()) == len(used)


@pytest.mark.parametrize("name", SAMPLERS)
def test_planning_remembers_nothing_and_a_state_is_all_that_is_remembered(name: str) -> None:
    data = index()
    source = FewShot(data, 4, 1, 2, classes=SAMPLERS[name](data))
    observed(source, 5, 7, lambda plan: plan.classes[:, 0].float())
    state = source.state_dict()
    plan = source.plan(9, generator_of(1))
    assert source.plan(9, generator_of(1)).digest() == plan.digest()
    fresh = FewShot(data, 4, 1, 2, classes=SAMPLERS[name](data))
    if state:
        assert fresh.plan(9, generator_of(1)).digest() != plan.digest(), "what was observed changes nothing"
    fresh.load_state_dict(state)
    assert fresh.plan(9, generator_of(1)).digest() == plan.digest()
    observed(source, 1, 6, no_loss)
    assert source.state_dict().keys() == state.keys()
    fresh.load_state_dict(state)
    assert fresh.plan(9, generator_of(1)).digest() == plan.digest(), "a state must not change with the sampler it came from"


def test_families_are_balanced() -> None:
    """Families of 10, 3 and 2 classes: 6 ways take two of each, 9 ways all of the small ones; 2 ways two families, all evenly."""
    families = tuple("A" * 10 + "B" * 3 + "C" * 2)
    data = index(15)
    data = ClassIndex(data.x, data.labels, data.classes, families=families)
    number = torch.tensor([ord(family) - 65 for family in families])

    def counts(ways: int) -> Tensor:
        plan = FewShot(data, ways, 1, 2, classes=Balanced(data)).plan(900, generator_of(0))
        return torch.nn.functional.one_hot(number[plan.classes], 3).sum(1)

    assert (counts(6) == 2).all()
    assert (counts(9) == torch.tensor([4, 3, 2])).all()
    pairs = counts(2)
    assert pairs.max() == 1
    assert (pairs.sum(0) - 600).abs().max() < 5 * (900 * 2 / 9) ** 0.5
    of_first = FewShot(data, 3, 1, 2, classes=Balanced(data)).plan(900, generator_of(0)).classes
    drawn = torch.bincount(of_first.flatten(), minlength=15)
    assert (drawn[:10] - 90).abs().max() < 5 * (900 * 0.09) ** 0.5, "classes of a family are drawn evenly"


def test_no_families_no_balance() -> None:
    data = datasets.from_arrays(torch.zeros(8, 1), torch.arange(8) % 2)
    with pytest.raises(TaskError, match=r"has no families of classes to balance. Give ClassIndex\(families=...\)"):
        Balanced(data)


def test_each_class_once_a_pass() -> None:
    """12 classes, 4 tasks of 3 ways in two steps are a pass; ways that do not divide 12 carry over."""
    data = index()
    source = FewShot(data, 3, 1, 2, classes=EachOnce(data))
    plans = observed(source, 6, 2, no_loss)
    for first, second in zip(plans[::2], plans[1::2], strict=True):
        assert torch.cat([first.classes, second.classes]).flatten().sort().values.tolist() == list(range(12))
    assert not torch.equal(plans[0].classes, plans[2].classes)
    odd = FewShot(data, (2, 5), 1, 2, classes=EachOnce(data))
    drawn = torch.zeros(12, dtype=torch.long)
    for plan in observed(odd, 30, 1, no_loss):
        drawn += torch.bincount(plan.classes[plan.classes >= 0], minlength=12)
        assert drawn.max() - drawn.min() <= 1


def test_hard_classes_follow_their_formula() -> None:
    """One task of classes 0 and 1 with loss 3, one of 2 and 3 with loss 1, then again."""
    data = index(4, families=2)
    sampler = Hard(data, temperature=0.5, floor=0.2, memory=0.6)
    assert torch.allclose(sampler.weights, torch.full((4,), 0.25, dtype=torch.float64))
    classes, losses = torch.tensor([[0, 1], [2, 3]]), torch.tensor([3.0, 1.0])
    sampler.observe(classes, losses)
    first = 0.4 * 1 / math.log(2)
    sampler.observe(classes, losses + 1)
    second = [0.6 * sign * first + 0.4 * (sign * 1 / math.log(2) + 0.6 / math.log(2)) for sign in (1, -1)]
    hardness = torch.tensor([second[0]] * 2 + [second[1]] * 2, dtype=torch.float64)
    torch.testing.assert_close(sampler.hardness, hardness)
    expected = 0.05 + 0.8 * (hardness / (0.5 * hardness.std(correction=0))).softmax(0)
    torch.testing.assert_close(sampler.weights, expected)
    drawn = sampler.draw(torch.ones(4000, dtype=torch.long), torch.ones(4000, 4, dtype=torch.bool), generator_of(0))
    counts = torch.bincount(drawn.flatten(), minlength=4)
    assert ((counts - 4000 * expected).abs() < 5 * (4000 * expected * (1 - expected)).sqrt()).all()


def test_two_hard_classes_are_drawn_one_after_another() -> None:
    """P({a, b}) = p_a p_b / (1 − p_a) + p_b p_a / (1 − p_b)."""
    data = index(4, families=2)
    sampler = Hard(data, temperature=1, floor=0.1)
    sampler.observe(torch.tensor([[0, 1], [1, 2]]), torch.tensor([4.0, 1.0]))
    p = sampler.weights
    drawn = sampler.draw(torch.full((6000,), 2), torch.ones(6000, 4, dtype=torch.bool), generator_of(1)).sort(1).values
    for a in range(4):
        for b in range(a + 1, 4):
            expected = p[a] * p[b] / (1 - p[a]) + p[b] * p[a] / (1 - p[b])
            share = ((drawn[:, 0] == a) & (drawn[:, 1] == b)).double().mean()
            assert abs(share - expected) < 5 * (expected * (1 - expected) / 6000) ** 0.5


def test_losses_of_more_ways_count_no_more() -> None:
    """Chance level, log N, is alike for all ways."""
    data = index()
    sampler = Hard(data)
    sampler.observe(torch.tensor([[0, 1, -1, -1], [2, 3, 4, 5]]), torch.tensor([2.0, 4.0]).log())
    assert sampler.hardness.abs().max() < 1e-6


@pytest.mark.parametrize("arguments", [{"temperature": 0.0}, {"floor": 1.5}, {"memory": 1.0}])
def test_bad_hardness(arguments: dict[str, float]) -> None:
    with pytest.raises(TaskError, match="must be positive"):
        Hard(index(), **arguments)


def test_a_column_says_nothing_of_a_class() -> None:
    """A class that is drawn nearly always, and first, stands in every column as often as in any other."""
    data = index()
    source = FewShot(data, 4, 1, 2, classes=Hard(data, temperature=0.1, floor=0.0))
    source.observe(plan_with(source, 7), torch.tensor([9.0, 0.0]))
    classes = source.plan(2000, generator_of(0)).classes
    columns = (classes == 7).sum(0)
    assert columns.sum() > 1900
    assert (columns - columns.sum() / 4).abs().max() < 5 * (2000 * 3 / 16) ** 0.5


def plan_with(source: FewShot, wanted: int) -> RowPlan:
    """Two tasks, the first with a class and the second without."""
    plan = source.plan(200, generator_of(3))
    has = (plan.classes == wanted).any(1).int()
    return plan[torch.stack([has.argmax(), has.argmin()])]


def test_order_within_ways_alone() -> None:
    classes, ways = torch.arange(5).expand(300, 5), torch.full((300,), 3)
    mixed = in_random_order(classes, ways, generator_of(0))
    assert (mixed[:, :3].sort(1).values == torch.arange(3)).all() and (mixed[:, 0] != 0).any()


def test_a_sampler_of_another_index_is_refused() -> None:
    with pytest.raises(TaskError, match="the sampler is for 12 classes, but toys has 9. Build it with this index"):
        FewShot(index(9), 3, 1, 2, classes=Hard(index()))


def test_diverse_tasks_span_more_than_their_dimensions() -> None:
    data = index(40)
    with pytest.raises(TaskError, match="20 diverse classes are requested, but the points of the classes span 16 dimensions"):
        FewShot(data, 20, 1, 2, classes=Diverse(data)).plan(1)


def test_diverse_tasks_are_more_diverse() -> None:
    """Classes come in pairs of near twins: a diverse task holds both of a pair far less often than a uniform one."""
    data = index(16)
    centres = torch.randn(8, 16, generator=generator_of(9)).repeat_interleave(2, 0) + 0.05 * torch.randn(
        16, 16, generator=generator_of(8)
    )
    twins = ClassIndex(centres[data.labels], data.labels, data.classes)

    def pairs(source: FewShot) -> float:
        classes = source.plan(300, generator_of(0)).classes.sort(1).values
        return float(((classes[:, 1:] // 2) == (classes[:, :-1] // 2)).float().sum(1).mean())

    uniform, diverse = pairs(FewShot(twins, 5, 1, 2)), pairs(FewShot(twins, 5, 1, 2, classes=Diverse(twins)))
    assert diverse < uniform / 5


def test_a_curriculum_grows_and_keeps_its_columns() -> None:
    data = index()
    sampler = EachOnce(data)
    source = Curriculum(FewShot(data, 6, 2, 3, classes=sampler), growing((2, 4), (6, 2), 10))
    for step, ways, shots in ((0, 2, 4), (5, 4, 3), (10, 6, 2), (50, 6, 2)):
        now = source.at(step)
        plan = now.plan(3, generator_of(0))
        task = now.gather(plan)
        assert (plan.classes >= 0).sum(1).tolist() == [ways] * 3 and plan.support_mask.sum(1).tolist() == [ways * shots] * 3
        assert task.support.y.shape[2] == task.query.y.shape[2] == 6
        assert (task.support.y[..., ways:] == 0).all()
    now.observe(plan, torch.zeros(3))
    assert sampler.drawn.sum() == 18 and source.state_dict()["drawn"].sum() == 18
    assert (source.plan(2, generator_of(0)).classes >= 0).all(), "without a step, the full size"
    with pytest.raises(TaskError, match="the curriculum requires 9 ways in step 0, but its tasks have 6 at most"):
        Curriculum(FewShot(data, 6, 2, 3), lambda step: (9, 1)).at(0)


def test_sources_around_a_source_pass_on_what_they_are_told() -> None:
    data = index()
    parts = [FewShot(data, 3, 1, 2, classes=EachOnce(data)) for _ in range(2)]
    mixed = Mixture(parts)
    plan = mixed.plan(10, generator_of(0))
    mixed.observe(plan, torch.zeros(10))
    drawn = [int(part.state_dict()["drawn"].sum()) for part in parts]
    assert drawn == [3 * int((plan.source == number).sum()) for number in range(2)] and min(drawn) > 0
    other = Mixture([FewShot(data, 3, 1, 2, classes=EachOnce(data)) for _ in range(2)])
    other.load_state_dict(mixed.state_dict())
    assert other.plan(10, generator_of(1)).digest() == mixed.plan(10, generator_of(1)).digest()
    lesson = Curriculum(FewShot(data, 6, 1, 2), growing((2, 1), (6, 1), 4))
    assert Mixture([lesson]).at(0).plan(1, generator_of(0)).plans[0] is not None
    unsplit = Unsplit(Curriculum(FewShot(data, 6, 1, 2, classes=EachOnce(data)), growing((2, 1), (6, 1), 4)))
    now = unsplit.at(0)
    now.observe(now.plan(2, generator_of(0)), torch.zeros(2))
    assert unsplit.state_dict()["drawn"].sum() == 4


def test_resized_tasks_keep_their_sampler() -> None:
    data = index()
    source = FewShot(data, 4, 1, 2, classes=Hard(data))
    assert source.resized(ways=3).classes is source.classes and "hard classes" in source.resized(ways=3).name
