"""The results of the demo, and its page."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from quickstudy.datasets.class_index import Splits
from quickstudy.learner import Learner
from quickstudy.plots.page import Illustration, Page
from quickstudy.plots.results import accuracy_against_shots, intervals, training_curve
from quickstudy.plots.style import count_words
from quickstudy.plots.tasks import embedding_map, plane, task_figure
from quickstudy.reports.compare import compare, conclude
from quickstudy.reports.comparison import Comparison
from quickstudy.reports.report import Report
from quickstudy.tasks.few_shot import FewShot
from quickstudy.tasks.source import generator_of
from quickstudy.train import Record

__all__ = ["Findings", "comparisons", "conclusion", "demo_page"]

_MAPPED_CLASSES, _MAPPED_ROWS = 8, 24


@dataclass
class Findings:
    """What the demo has found so far.

    Args:
        data: the glyphs.
        source: the meta-test tasks.
        systems: names of the writing systems never seen.
        traditional, meta: reports, on the same task list.
        learners: trained learners by the name of their recipe.
        records, validations: of meta-training, by the learner's name.
        curves: by learner, a report for each number of shots.
        making: how it was made.
    """

    data: Splits
    source: FewShot
    systems: Sequence[str]
    traditional: list[Report] = field(default_factory=list)
    meta: list[Report] = field(default_factory=list)
    learners: dict[str, Learner[Any]] = field(default_factory=dict)
    records: dict[str, list[Record]] = field(default_factory=dict)
    validations: dict[str, list[tuple[int, Report]]] = field(default_factory=dict)
    curves: dict[str, dict[int, Report]] = field(default_factory=dict)
    making: dict[str, str] = field(default_factory=dict)


def comparisons(found: Findings) -> list[Comparison]:
    """Each meta-learner against each traditional learner, the nearest baseline first, then the meta-learners themselves."""
    pairs = [sorted((compare(a, b) for b in found.traditional), key=lambda c: c.difference) for a in found.meta]
    among = [compare(a, b) for number, a in enumerate(found.meta) for b in found.meta[number + 1 :]]
    return [*(c for row in pairs for c in row), *among]


def conclusion(found: Findings) -> list[str]:
    """Paragraphs in plain words; what they claim, the paired tests support, for the same classes and for new ones."""
    data, ways = found.data, found.source.ways[0]
    task = (
        f"Each task: tell {ways} characters apart after seeing {found.source.shots[0]} example of each. The characters are of "
        f"{', '.join(found.systems)}, writing systems of which meta-training saw nothing: it saw {len(data.train.classes):,} "
        f"other characters (Latin, Cyrillic, Greek, signs and others). Guessing gives {1 / ways:.0%}."
    )
    return [task, *(conclude(report, found.traditional) for report in found.meta)]


def demo_page(found: Findings, next_steps: dict[str, str]) -> Page:
    """The page of the demo."""
    reports = sorted([*found.meta, *found.traditional], key=lambda report: -report.mean)
    return Page(
        title="Characters of unseen writing systems, from one example each",
        conclusion=conclusion(found),
        reports=reports,
        comparisons=comparisons(found),
        illustrations=[
            Illustration(
                "Accuracy of each learner",
                intervals(reports),
                f"Mean accuracy with its 95 % t-interval for other tasks of the same classes ({found.source.name}, the same list "
                "for all). Learners that adapt slowly were evaluated on its first tasks only, hence their wider intervals.",
            ),
            _shots(found),
            _task(found),
            _training(found),
            _map(found),
        ],
        making=found.making,
        next_steps=next_steps,
    )


def _shots(found: Findings) -> Illustration:
    curves = found.curves
    tasks = len(next(iter(next(iter(curves.values())).values())).scores)
    caption = (
        f"{found.source.ways[0]}-way accuracy on unseen writing systems with more and more support examples. Each number of "
        f"shots has its own list of {tasks} tasks, the same for all learners; bands are 95 % t-intervals for other "
        "tasks of the same classes. ProtoNet was meta-trained with one shot only."
    )
    return Illustration("Accuracy against shots", accuracy_against_shots(curves), caption)


def _task(found: Findings) -> Illustration:
    plan = found.source.plan(1, generator_of(found.meta[0].seed))
    task = found.source.gather(plan)[0]
    names = [found.data.test.classes[number] for number in plan.classes[0].tolist()]
    learner = found.learners["proto"]
    probabilities = learner(task.support, names).probabilities(task.query.x)
    right = int((probabilities.argmax(-1) == task.query.labels).sum())
    words = "; ".join(f"{chr(ord('A') + number)} = {name.lower()}" for number, name in enumerate(names))
    caption = (
        f"One task and ProtoNet's predictions ({right} of its {len(task.query)} queries right; ten of each class are drawn). "
        f"Thick orange frames with a cross are mistakes. Support and queries never share a font style. {words}."
    )
    return Illustration("One task", task_figure(task, probabilities, names), caption)


def _training(found: Findings) -> Illustration:
    tasks = [len(report.scores) for rows in found.validations.values() for _, report in rows] or [0]
    caption = (
        "The objective of every outer step (thin) with a running mean over 25 (thick); each learner has its own kind of tasks, "
        f"so heights do not compare. Below: accuracy on {count_words(tasks)} meta-validation tasks of other writing systems, "
        "with 95 % t-intervals for the same classes; the best one is what is then meta-tested. FineTune is pre-trained as an "
        "ordinary classifier."
    )
    return Illustration("Meta-training", training_curve(found.records, found.validations), caption)


def _map(found: Findings) -> Illustration:
    index = found.data.test
    chosen = torch.linspace(0, len(index.classes) - 1, _MAPPED_CLASSES).long().tolist()
    rows = torch.cat([torch.where(index.labels == number)[0][:_MAPPED_ROWS] for number in chosen])
    images = index.gather(rows)
    labels = torch.tensor([chosen.index(label) for label in index.labels[rows].tolist()])
    names = [index.classes[number].lower() for number in chosen]
    maps = {"pixels": plane(images), "features of ProtoNet": plane(_features(found.learners["proto"], images))}
    caption = (
        f"{len(rows)} images of {len(chosen)} characters of unseen writing systems, laid out by t-SNE: images that are near "
        "in a feature space stand together. Left the pixels themselves, right what ProtoNet makes of them."
    )
    return Illustration("A map of the embedding", embedding_map(maps, labels, names, images), caption)


def _features(learner: Learner[Any], images: Tensor) -> Tensor:
    with torch.no_grad():
        features: Tensor = learner.eval().encode(images)
    return features
