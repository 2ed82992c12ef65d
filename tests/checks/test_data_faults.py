"""Planted faults of data and tasks are found, each by its own check, and clean data gives no finding."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from contract.cases import blobs
from quickstudy import checks, datasets, tasks
from quickstudy.checks import Severity
from quickstudy.checks.columns import information
from quickstudy.datasets.class_index import ClassIndex
from quickstudy.task import Examples, Task
from quickstudy.tasks.row_plan import RowPlan

CLEAN = datasets.split_classes(blobs())


def wide(rows: int = 400, classes: int = 20, seed: int = 0) -> ClassIndex:
    """Rows of 100 numbers, as small images have."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(rows) % classes
    centres = torch.randn(classes, 100, generator=generator)
    return datasets.from_arrays(centres[labels] + torch.randn(rows, 100, generator=generator), labels, name="wide")


class Sorted(tasks.FewShot):
    """The classic slip: the classes of a task stand in the order of their numbers."""

    def plan(self, batch: int, generator: torch.Generator | None = None) -> RowPlan:
        plan = super().plan(batch, generator)
        order = plan.classes.argsort(1)
        to = order.argsort(1)
        columns = [to.gather(1, c) for c in (plan.support_columns, plan.query_columns)]
        classes = plan.classes.gather(1, order)
        return replace(plan, classes=classes, support_columns=columns[0], query_columns=columns[1])


class InOrder(tasks.FewShot):
    """Queries come sorted by class."""

    def gather(self, plan: RowPlan) -> Task:
        task = super().gather(plan)
        order = task.query.labels.argsort(1)
        rows = torch.arange(len(task))[:, None]
        return Task(task.support, Examples(task.query.x[rows, order], task.query.y[rows, order], task.query.mask[rows, order]))


class OneWave(tasks.Sinusoid):
    """The same wave in every task: nothing is left to adapt to."""

    def plan(self, batch: int, generator: torch.Generator | None = None) -> Any:
        plan = super().plan(batch, generator)
        return replace(plan, amplitude=torch.full_like(plan.amplitude, 3.0), phase=torch.full_like(plan.phase, 1.0))


class FirstClasses(tasks.FewShot):
    """Only the first classes are ever drawn."""

    def _classes(self, ways: Any, sides: Any, generator: Any) -> Any:
        return torch.rand(len(ways), 8, generator=generator).topk(int(ways.max()), 1).indices


def test_a_class_in_two_splits() -> None:
    index = blobs()
    named = replace(index, classes=tuple(f"animal {n}" for n in range(40)))
    parts = {"train": named.select(range(25)), "test": named.select(range(22, 40))}
    observation = checks.shared_classes(parts)
    assert observation.verdict == "severe" and observation.findings[0].numbers["shared"] == 3
    written = replace(parts["test"], classes=tuple(name.upper().replace(" ", "_") for name in parts["test"].classes))
    assert checks.shared_classes(parts | {"test": written}).findings[0].numbers["shared"] == 3, "spelling is no difference"
    numbered = {"train": index.select(range(20)), "test": replace(index.select(range(20, 40)), classes=index.classes[:20])}
    assert checks.shared_classes(numbered).verdict == "warning", "numbers may merely start anew"
    assert checks.shared_classes(CLEAN._asdict()).verdict == "ok"
    assert checks.shared_classes({"train": index}).verdict == "skipped"


def test_the_same_examples_in_two_splits() -> None:
    index = wide()
    assert isinstance(index.x, torch.Tensor)
    train, test = index.select(range(12)), index.select(range(12, 20))
    assert checks.repeated_examples({"train": train, "test": test}).verdict == "ok"
    assert isinstance(train.x, torch.Tensor) and isinstance(test.x, torch.Tensor)
    equal = test.x.clone()
    equal[5] = train.x[7]
    observation = checks.repeated_examples({"train": train, "test": replace(test, x=equal)})
    assert [f.numbers["count"] for f in observation.findings] == [1]
    near = test.x.clone()
    near[:6] = 1.3 * train.x[:6] + 0.5 + 0.02 * torch.randn(6, 100)
    observation = checks.repeated_examples({"train": train, "test": replace(test, x=near)})
    assert observation.verdict == "severe" and [f.numbers["count"] for f in observation.findings] == [6], (
        "brighter and a little noisy"
    )


def test_copies_are_found_by_features_where_numbers_differ() -> None:
    index = wide()
    train, test = index.select(range(12)), index.select(range(12, 20))
    assert isinstance(train.x, torch.Tensor) and isinstance(test.x, torch.Tensor)
    turned = test.x.clone()
    turned[:6] = train.x[:6].flip(1)
    parts = {"train": train, "test": replace(test, x=turned)}
    assert checks.repeated_examples(parts).verdict == "ok"
    assert checks.repeated_examples(parts, features=lambda x: x + x.flip(1)).verdict == "severe"


@pytest.mark.parametrize("numbers", [1, 2, 16])
def test_rows_of_few_numbers_lie_near_by_nature(numbers: int) -> None:
    labels = torch.arange(600) % 30
    index = datasets.from_arrays(torch.randn(30, numbers)[labels] + torch.randn(600, numbers), labels)
    assert checks.repeated_examples(datasets.split_classes(index)._asdict()).verdict == "ok"
    assert checks.repeated_examples(datasets.split_classes(replace(index, x=index.x.round()))._asdict()).verdict == "ok"  # type: ignore[union-attr]


def test_information_of_columns_is_that_of_the_textbook() -> None:
    rows, columns = torch.tensor([0, 0, 0, 1]), torch.tensor([0, 0, 1, 1])
    p = torch.tensor([[0.5, 0.25], [0.0, 0.25]])
    expected = sum(float(p[i, j] * (p[i, j] / (p[i].sum() * p[:, j].sum())).log()) for i, j in ((0, 0), (0, 1), (1, 1)))
    assert information(rows, columns) == pytest.approx(expected, abs=1e-6)


def test_columns_that_tell_the_class() -> None:
    clean, sorted_ = (make(CLEAN.train, 5, 1, 5) for make in (tasks.FewShot, Sorted))
    assert checks.fixed_columns(clean).verdict == "ok"
    observation = checks.fixed_columns(sorted_)
    assert observation.verdict == "severe" and 0.2 < observation.findings[0].numbers["share"] < 0.7
    every = checks.fixed_columns(Sorted(CLEAN.val, len(CLEAN.val.classes), 1, 5))
    assert every.findings[0].numbers["share"] == pytest.approx(1, abs=0.01), "each class has one column for ever"
    assert checks.fixed_columns(tasks.FewShot(CLEAN.train, (2, 6), 1, 5)).verdict == "ok", "varying ways"
    assert checks.fixed_columns(tasks.Sinusoid()).verdict == "skipped"


def test_places_that_tell_the_class() -> None:
    assert checks.revealing_positions(tasks.FewShot(CLEAN.train, 5, 1, 5)).verdict == "ok"
    observation = checks.revealing_positions(InOrder(CLEAN.train, 5, 1, 5))
    assert observation.verdict == "warning" and "query" in observation.findings[0].what and len(observation.findings) == 1
    assert checks.revealing_positions(tasks.Supervised(CLEAN.train)).verdict == "skipped"


def test_tasks_that_are_not_mutually_exclusive() -> None:
    clean = checks.answered_without_support(tasks.FewShot(CLEAN.train, 5, 1, 5), steps=60)
    assert clean.verdict == "ok"
    fixed = checks.answered_without_support(Sorted(CLEAN.val, len(CLEAN.val.classes), 1, 5), steps=60)
    assert fixed.verdict == "severe" and fixed.findings[0].numbers["low"] > 0.5
    wave = checks.answered_without_support(OneWave(), steps=150)
    assert wave.verdict == "severe" and wave.findings[0].numbers["share"] > 0.9
    waves = checks.answered_without_support(tasks.Sinusoid(), steps=150, tasks=1000)
    best = 1 - 3.0057 / 4.2517  # the best function of x alone, see tasks.Sinusoid
    assert waves.verdict == "note" and waves.findings[0].numbers["share"] == pytest.approx(best, abs=0.08)
    assert waves.findings[0].numbers["low"] < best


def test_tasks_that_hardly_differ() -> None:
    assert checks.differ_too_little(tasks.FewShot(CLEAN.train, 5, 1, 10)).verdict == "ok"
    observation = checks.differ_too_little(tasks.FewShot(CLEAN.train.select(range(5)), 5, 1, 10))
    assert ["told apart" in observation.findings[0].what, "repeats itself" in observation.findings[1].what] == [True, True]
    assert "told apart" in checks.differ_too_little(OneWave(shots=20)).findings[0].what
    assert checks.differ_too_little(tasks.Sinusoid(shots=20)).verdict == "ok"
    some = checks.differ_too_little(FirstClasses(CLEAN.train, 5, 1, 10))
    missed = [f.numbers["missed"] for f in some.findings if "missed" in f.numbers]
    assert missed == [len(CLEAN.train.classes) - 8]
    assert checks.differ_too_little(tasks.Copy()).verdict == "skipped"


def test_a_diversity_coefficient_orders_sources() -> None:
    one = checks.task_diversity(tasks.FewShot(CLEAN.train.select(range(5)), 5, 1, 10))
    few = checks.task_diversity(tasks.FewShot(CLEAN.train.select(range(8)), 5, 1, 10))
    many = checks.task_diversity(tasks.FewShot(CLEAN.train, 5, 1, 10))
    assert one and few and many and one.coefficient < few.coefficient < many.coefficient
    assert one.gain[0] < 0 < few.gain[0] and one.repeated > 0.99 > many.repeated
    assert many.draws is not None and int(many.draws.sum()) == 5 * many.listed
    assert torch.equal(many.apart, checks.task_diversity(tasks.FewShot(CLEAN.train, 5, 1, 10)).apart)  # type: ignore[union-attr]


def test_clean_data_gives_no_finding() -> None:
    found = checks.examine(checks.subject_of_data(CLEAN, "blobs"), tasks=100)
    assert found.findings == () and found.worst is None, str(found)
    checked = {name for name, observation in found.observations.items() if observation.ran}
    assert checked == {"sources", "class names", "examples", "copies", "class columns", "positions", "memorisation", "diversity"}
    assert str(found).startswith("blobs: nothing found") and found.to_json()["worst"] is None


def test_data_too_small_for_tasks_is_a_finding() -> None:
    index = datasets.from_arrays(torch.randn(21, 4), [0] * 10 + [1] * 10 + [2])
    found = checks.examine(checks.subject_of_data(index), only=["sources"])
    assert found.worst is Severity.SEVERE and 'class "2" of data has 1 examples' in found.findings[0].what
