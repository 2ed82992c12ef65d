"""The digest is of all that a task list holds, and copies of an example do not give answers away where that is asked for."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from quickstudy import checks, datasets, evaluate, learners, tasks
from quickstudy.datasets.class_index import ClassIndex
from quickstudy.datasets.row_hashes import equal_rows
from quickstudy.errors import TaskError
from quickstudy.tasks import FewShot
from quickstudy.tasks.row_plan import RowPlan
from quickstudy.tasks.source import generator_of


@dataclass(frozen=True)
class OnDemand:
    x: Tensor

    def __len__(self) -> int:
        return len(self.x)

    def gather(self, rows: Tensor) -> Tensor:
        return self.x[rows]


def index(classes: int = 10, each: int = 12) -> ClassIndex:
    labels = torch.arange(classes).repeat_interleave(each)
    return datasets.from_arrays(torch.arange(len(labels))[:, None].float(), labels, name="toys")


def plan_of(source: FewShot, tasks: int = 200, seed: int = 0) -> RowPlan:
    return source.plan(tasks, generator_of(seed))


def one_changed(row: int) -> ClassIndex:
    """The same data but for one number of one row."""
    a = index()
    x = a.gather(torch.arange(len(a))).clone()
    x[row] += 1e-3
    return datasets.from_arrays(x, a.labels, name="toys")


@pytest.mark.parametrize("kind", ["few-shot", "supervised", "augmented", "unsplit", "mixture", "open set", "rows apart"])
def test_every_row_of_a_task_list_is_in_its_digest(kind: str) -> None:
    def made(data: ClassIndex) -> Any:
        plain = FewShot(data, 3, 1, 2)
        return {
            "few-shot": lambda: plain,
            "supervised": lambda: tasks.Supervised(data, 8),
            "augmented": lambda: tasks.MetaAug(plain),
            "unsplit": lambda: tasks.Unsplit(plain),
            "mixture": lambda: tasks.Mixture([plain, plain]),
            "open set": lambda: tasks.OpenSet(data, 3, 1, 2),
            "rows apart": lambda: tasks.DisjointRows(plain),
        }[kind]()

    def digest(data: ClassIndex) -> str:
        source = made(data)
        return str(source.digest(source.plan(13, generator_of(0))))

    whole = digest(index())
    differ = [row for row in range(len(index())) if digest(one_changed(row)) != whole]
    source = made(index())
    drawn = source.gather(source.plan(13, generator_of(0)))
    sides = [(side.x, side.mask) for side in (drawn.support, drawn.query)]
    seen = sorted({int(row) for x, mask in sides for row in x[mask > 0].flatten()})  # row r holds the number r
    assert set(seen) <= set(differ) if kind == "unsplit" else seen == differ
    assert digest(index()) == whole


def test_one_digest_in_memory_in_a_store_and_read_on_demand(tmp_path: Path) -> None:
    x, y = torch.randint(0, 256, (40, 1, 6, 5), dtype=torch.uint8), torch.arange(40) % 5
    held = datasets.from_arrays(x, y, name="toys")
    stored = datasets.write_store(tmp_path, held)
    decimals = datasets.from_arrays(x.float() / 255, y, name="toys")
    lazy = replace(held, x=OnDemand(x.float() / 255))
    found = {source.digest(plan_of(source, 9)) for source in (FewShot(d, 3, 1, 2) for d in (held, stored, decimals, lazy))}
    assert len(found) == 1


def test_resizing_keeps_the_rule_for_sizes() -> None:
    source = FewShot(index(), (2, 4), sizes=tasks.meta_dataset_sizes)
    fewer = source.resized(ways=2)
    assert fewer.sizes is source.sizes and fewer.ways == (2, 2)
    plan = fewer.plan(50, generator_of(1))
    assert len({int(n) for n in plan.support_mask.sum(1)}) > 1, "sizes vary by the rule"
    with pytest.raises(TaskError, match="a rule sets shots and queries, so shots=3"):
        source.resized(shots=3)
    curriculum = tasks.Curriculum(FewShot(index(), 4, sizes=tasks.meta_dataset_sizes), lambda step: (2, 1))
    with pytest.raises(TaskError, match="a rule sets shots"):
        curriculum.at(0)


def copied() -> ClassIndex:
    """Noise in classes of 20, of which a quarter stand there twice."""
    x = torch.randn(400, 8, generator=generator_of(5))
    labels = torch.arange(400) % 20
    x[200:300] = x[100:200]
    return datasets.from_arrays(x, labels, name="noise")


def test_equal_rows_stay_on_one_side_if_that_is_asked_for() -> None:
    nearest = learners.NearestNeighbours(k=1)
    leaking, kept = copied(), replace(copied(), equal_together=True)
    reports = [evaluate(nearest, FewShot(data, 5, 5, 5), tasks=400) for data in (leaking, kept)]
    assert reports[0].mean > 0.27, "noise, chance is 0.2: the answer stands in the support set"
    assert abs(reports[1].mean - 0.2) < 0.02
    plan = FewShot(kept, 5, 5, 5).plan(200, generator_of(0))
    marks = equal_rows(kept)
    for support, query in zip(plan.support_rows, plan.query_rows, strict=True):
        assert not set(marks[support].tolist()) & set(marks[query].tolist())
    assert bool(plan.query_mask.all()) and "equal rows together" in FewShot(kept, 5, 5, 5).name


def test_equal_rows_together_in_groups_and_where_too_few_are_left() -> None:
    grouped = replace(copied(), groups=torch.arange(400) // 20 % 4, equal_together=True)
    plan = FewShot(grouped, 3, 2, 2).plan(100, generator_of(0))
    marks = equal_rows(grouped)
    assert grouped.groups is not None
    for support, query in zip(plan.support_rows, plan.query_rows, strict=True):
        assert not set(marks[support].tolist()) & set(marks[query].tolist())
        assert not set(grouped.groups[support].tolist()) & set(grouped.groups[query].tolist())
    same = datasets.from_arrays(torch.zeros(40, 3), torch.arange(40) % 4)
    with pytest.raises(TaskError, match="has 0 examples that are equal to none of its support set, but 2 queries are needed"):
        FewShot(replace(same, equal_together=True), 3, 1, 2).plan(1)
    with pytest.raises(TaskError, match="keeps equal rows together"):
        tasks.DisjointRows(FewShot(replace(copied(), equal_together=True), 3, 1, 2))


def test_the_doctor_finds_copies_inside_classes() -> None:
    wide = torch.randn(400, 100, generator=generator_of(5))
    clean = datasets.from_arrays(wide, torch.arange(400) % 20, name="clean")
    assert checks.copies_inside_classes({"train": clean}).verdict == "ok"
    wide[200:300] = wide[100:200]
    twice = datasets.from_arrays(wide, torch.arange(400) % 20)
    for data in (twice, replace(twice, x=OnDemand(wide))):
        finding = checks.copies_inside_classes({"train": clean, "test": data}).findings[0]
        assert "200 of 400 examples of test are equal to another" in finding.what and finding.how_bad.name == "SEVERE"
        assert finding.numbers["share"] == 0.5
    assert checks.copies_inside_classes({"train": replace(twice, equal_together=True)}).verdict == "ok"
    together = replace(twice, groups=torch.arange(400) % 100)
    assert checks.copies_inside_classes({"train": together}).verdict == "ok", "copies of one group never part"
    few = checks.copies_inside_classes({"train": copied()})
    assert few.verdict == "ok" and "skipped, rows of few numbers" in few.note
    assert checks.copies_inside_classes({}).verdict == "skipped"


def test_glyphs_hold_no_copies() -> None:
    assert checks.copies_inside_classes(datasets.glyphs()._asdict()).verdict == "ok"
