"""Accuracy by class and confusions: counts by hand, every kind of source, files that are older, and no change of scores."""

import json
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier
from torch import nn

from quickstudy import datasets, evaluate, learners, tasks
from quickstudy.datasets.task_table import Table
from quickstudy.errors import ArtefactError
from quickstudy.plots import classes_figure, most_confused
from quickstudy.plots.page import Page
from quickstudy.plots.run_page import class_listings
from quickstudy.reports.by_class import ByClass, ClassScore, Confusion
from quickstudy.reports.intervals import interval_of_share
from quickstudy.reports.report import Report
from quickstudy.tasks.source import generator_of

NAMES = tuple(f"class {letter}" for letter in "abcdefgh")


def index() -> datasets.ClassIndex:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(8).repeat_interleave(12)
    x = torch.randn(8, 4, generator=generator)[labels] + 0.7 * torch.randn(96, 4, generator=generator)
    return datasets.ClassIndex(x, labels, NAMES)


Pairs = Counter[tuple[str, str]]

SOURCE = tasks.FewShot(index(), ways=(2, 5), shots=(1, 3), queries=4)


def by_hand(
    source: Any, count: int, learner: Any
) -> tuple[dict[str, list[float]], Counter[tuple[str, str]], Counter[tuple[str, str]]]:
    """Hits of each class, confusions, and queries of a class in tasks that have another."""
    plan = source.plan(count, generator_of(0))
    batch = source.gather(plan)
    hits: dict[str, list[float]] = defaultdict(list)
    taken: Pairs = Counter()
    both: Pairs = Counter()
    for number in range(count):
        task, classes = batch[number], plan.classes[number].tolist()
        query = task.query.trim()
        said = learner(task.support.trim())(query.x).argmax(1)
        for true, named in zip(query.labels.tolist(), said.tolist(), strict=True):
            a, b = NAMES[classes[true]], NAMES[classes[named]]
            hits[a].append(float(a == b))
            taken[a, b] += a != b
            for other in classes:
                both[a, NAMES[other]] += other >= 0
    return hits, taken, both


@pytest.mark.parametrize("model", [learners.NearestCentroid(), KNeighborsClassifier(1)], ids=["learner", "outside"])
def test_counts_are_those_of_a_count_by_hand(model: Any) -> None:
    report = evaluate(model, SOURCE, tasks=40, batch=7)
    learner = model if isinstance(model, nn.Module) else learners.NearestNeighbours(1)
    hits, taken, both = by_hand(SOURCE, 40, learner)
    found = report.by_class
    assert found is not None and found.by == "class" and [score.name for score in found.classes] == sorted(hits)
    for score in found.classes:
        assert score.queries == len(hits[score.name])
        assert score.accuracy == pytest.approx(sum(hits[score.name]) / len(hits[score.name]))
        assert score.interval[0] <= score.accuracy <= score.interval[1]
    assert {(p.true, p.named): p.count for p in found.confusions} == {pair: n for pair, n in taken.items() if n}
    assert all(p.of == both[p.true, p.named] and p.share <= 1 for p in found.confusions)
    assert found.wrong == sum(taken.values()) and [p.count for p in found.confusions] == sorted(
        (p.count for p in found.confusions), reverse=True
    )
    right = sum(score.accuracy * score.queries for score in found.classes)
    assert found.matrix(NAMES).sum() == pytest.approx(right + found.wrong)
    again = evaluate(model, SOURCE, tasks=40, batch=40).by_class
    assert again == found, "whatever the batches"


def test_an_interval_counts_tasks_where_queries_of_one_agree() -> None:
    """All queries of a task right or all wrong: they count as one."""

    def moody(support: Any) -> Any:
        mood = int(support.x.sum() * 1000) % 2
        return lambda x: ((x[:, 0] * 0).long() + mood).clamp(max=1)

    source = tasks.FewShot(index(), ways=2, shots=1, queries=10)
    found = evaluate(moody, source, tasks=60).by_class
    assert found is not None
    for score in found.classes:
        low, high = score.interval
        assert score.queries == 10 * score.tasks
        alone = interval_of_share(score.accuracy, score.queries)
        assert high - low > 2 * (alone[1] - alone[0])


def test_ties_are_shared() -> None:
    found = evaluate(
        lambda support: lambda x: torch.zeros(len(x), support.y.shape[1]), tasks.FewShot(index(), 4, 1, 3), tasks=20
    ).by_class
    assert found is not None and all(score.accuracy == pytest.approx(0.25) for score in found.classes)
    assert found.wrong == pytest.approx(0.75 * 20 * 12)


def test_every_source_of_named_classes() -> None:
    fixed = evaluate(learners.NearestCentroid(), tasks.FixedColumns(tasks.FewShot(index(), 4, 1, 3)), tasks=20).by_class
    assert fixed is not None and fixed.by == "column" and [s.name for s in fixed.classes] == [f"column {n}" for n in range(4)]
    assert [s.queries for s in fixed.classes] == [60] * 4
    table = Table(index().x, index().labels % 2, torch.arange(96) % 8, tuple(map(str, range(8))), ("no", "yes"))
    users = evaluate(learners.NearestCentroid(), tasks.ByTask(table, shots=2), tasks=20).by_class
    assert users is not None and {s.name for s in users.classes} == {"no", "yes"}
    opened = evaluate(learners.NearestCentroid(), tasks.OpenSet(index(), 3, 2, 3, unknown=2), tasks=30).by_class
    assert opened is not None and sum(s.queries for s in opened.classes) == 30 * 3 * 3, "unknown queries are of no class here"
    plan = tasks.OpenSet(index(), 3, 2, 3, unknown=2).plan(30, generator_of(0))
    counts = torch.bincount(plan.classes[:, 2:].flatten(), minlength=8) * 3
    assert [s.queries for s in opened.classes] == counts[counts > 0].tolist()
    other = replace(index(), classes=("class a", *[f"other {n}" for n in range(7)]), name="other")
    mixed = tasks.Mixture([tasks.FewShot(index(), 3, 1, 2), tasks.FewShot(other, 4, 1, 2)])
    found = evaluate(learners.NearestCentroid(), mixed, tasks=60).by_class
    assert found is not None and {s.name for s in found.classes} == {*NAMES, *other.classes}
    assert sum(s.queries for s in found.classes) == round(sum(len(r) - r.count(-1) for r in _columns(mixed, 60)) * 2)
    assert evaluate(learners.NearestCentroid(), tasks.Unsplit(tasks.FewShot(index(), 3, 2, 2)), tasks=5).by_class is not None
    assert evaluate(tasks.Sinusoid.oracle, tasks.Sinusoid(), tasks=3).by_class is None
    half = tasks.Mixture([tasks.FewShot(index(), 3, 1, 2), tasks.MetaAug(tasks.FewShot(index(), 3, 1, 2))])
    assert evaluate(learners.NearestCentroid(), half, tasks=20).by_class is None, "columns are permuted: names would be wrong"


def _columns(source: Any, count: int) -> list[list[int]]:
    found: list[list[int]] = source.named_columns(source.plan(count, generator_of(0)))[0].tolist()
    return found


def test_reports_are_read_back_and_older_ones_too(tmp_path: Path) -> None:
    report = evaluate(learners.NearestCentroid(), SOURCE, tasks=30)
    report.save(tmp_path / "r.json")
    again = Report.load(tmp_path / "r.json")
    assert again == report and again.by_class == report.by_class
    old = json.loads((tmp_path / "r.json").read_text())
    del old["by_class"]
    (tmp_path / "old.json").write_text(json.dumps(old))
    assert Report.load(tmp_path / "old.json") == replace(report, by_class=None)
    for broken in ({"classes": []}, [1], {"classes": [{"name": "a"}], "confusions": [], "wrong": 0, "by": "class"}):
        (tmp_path / "broken.json").write_text(json.dumps(old | {"by_class": broken}))
        with pytest.raises(ArtefactError, match="is not a report of quickstudy"):
            Report.load(tmp_path / "broken.json")
    assert report.first(10).by_class is None, "it is of all tasks"
    assert report.digest == evaluate(learners.NearestNeighbours(1), SOURCE, tasks=30).digest


def test_only_the_most_frequent_confusions_are_kept() -> None:
    many = datasets.from_arrays(torch.rand(800, 2), torch.arange(800) % 40)
    found = evaluate(learners.NearestCentroid(), tasks.FewShot(many, 20, 1, 5), tasks=100).by_class
    assert found is not None and len(found.confusions) == 500 < 40 * 39
    assert sum(p.count for p in found.confusions) < found.wrong


FOUND = ByClass(
    (
        ClassScore("a <b>", 0.9, (0.8, 0.95), 40, 10),
        ClassScore("c", 0.5, (0.4, 0.6), 40, 10),
        ClassScore("d", 1.0, (0.9, 1.0), 8, 2),
    ),
    (Confusion("c", "a <b>", 18.0, 30), Confusion("a <b>", "c", 4.0, 30), Confusion("c", "d", 2.0, 8)),
    24.0,
)


def test_the_page_shows_the_lowest_classes_and_confusions() -> None:
    report = Report("M", "toys", "accuracy", True, (0.5, 0.7), "cafe", 0, False, "none", 0.0, 0, by_class=FOUND)
    listings = class_listings(report)
    assert [row[0] for row in listings[0].rows] == ["c", "a <b>", "d"]
    assert listings[1].rows[0] == ["c", "a <b>", "18", "30", "60.00 %"]
    html = Page("Toys", [], [report], listings=listings).html()
    assert "Lowest accuracy by class" in html and "a &lt;b&gt;" in html and "of 24 wrong answers in all" in html
    assert class_listings(replace(report, by_class=None)) == []
    assert str(FOUND) == "lowest by class: c 50 %, a <b> 90 %, d 100 %; most confused: c taken for a <b> (18 of 30), " + (
        "a <b> taken for c (4 of 30), c taken for d (2 of 8)"
    )
    assert most_confused(FOUND, most=2) == ["a <b>", "c"]
    figure = classes_figure(FOUND)
    left, right = figure.axes
    assert [label.get_text() for label in left.get_yticklabels()] == ["d (8)", "a <b> (40)", "c (40)"]
    assert {text.get_text() for text in right.texts} == {"45", "10", "5"}, "shares of the true class's queries"
