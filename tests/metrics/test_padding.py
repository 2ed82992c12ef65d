"""Every metric sees a task's real rows and columns alone, in any order, and answers that say nothing score as guessing does."""

import math
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from quickstudy import evaluate, learners, metrics
from quickstudy.errors import LearnerError
from quickstudy.likelihood import Bernoulli, Categorical, Gaussian, Labels, Likelihood
from quickstudy.metrics.measure import Measure
from quickstudy.metrics.predicted import Predicted
from quickstudy.reports.report import Report
from quickstudy.task import Examples, Task, stack_tasks
from quickstudy.tasks.source import Plan, TaskSource

MEASURES = {name: getattr(metrics, name) for name in metrics.__all__ if isinstance(getattr(metrics, name), Measure)}
OF_VALUES = {
    "mse",
    "mean_absolute_error",
    "gaussian_nll",
    "coverage_90",
    "coverage_95",
    "mase",
    "width_90",
    "ndcg",
    "ndcg_10",
    "recall_10",
}
OF_LABELS = {"micro_f1", "mean_average_precision", "exact_match"}
OF_TWO = {"recall_at_1_percent"}
OF_SPANS = {"span_f1", "span_f1_bio", "span_precision", "span_recall"}  # of words in sentences: tests/metrics/test_spans.py
OF_MASKS = {"foreground_iou", "fb_iou"}  # of cells in images: tests/metrics/test_masks.py
OF_TEXTS = {"chrf", "edit_distance"}  # tests/metrics/test_texts.py
OF_CLASSES = sorted(set(MEASURES) - OF_VALUES - OF_LABELS - OF_TWO - OF_SPANS - OF_MASKS - OF_TEXTS)


@dataclass(frozen=True)
class Numbers(Plan):
    """Which of the listed tasks."""

    numbers: Tensor


class Listed(TaskSource[Numbers]):
    """The tasks it was given, padded to the largest."""

    name = "listed"

    def __init__(self, tasks: list[Task], likelihood: Likelihood) -> None:
        self.tasks, self.meaning = tasks, likelihood

    @property
    def likelihood(self) -> Likelihood:
        return self.meaning

    def plan(self, batch: int, generator: torch.Generator | None = None) -> Numbers:
        return Numbers(torch.arange(batch))

    def gather(self, plan: Numbers) -> Task:
        padded = stack_tasks(self.tasks)
        return padded[plan.numbers]


def task_of(ways: int, shots: int, queries: int, unknown: int, seed: int) -> Task:
    """Overlapping classes, so that answers are neither all right nor all wrong, and some queries of no class."""
    generator = torch.Generator().manual_seed(seed)
    centres = torch.randn(ways, 3, generator=generator)

    def examples(each: int, more: int) -> Examples:
        labels = torch.arange(ways).repeat_interleave(each)
        x = torch.cat([centres[labels], torch.zeros(more, 3)])
        y = torch.cat([torch.eye(ways)[labels], torch.zeros(more, ways)])
        return Examples(x + 0.9 * torch.randn(x.shape, generator=generator), y, torch.ones(len(y)))

    return Task(examples(shots, 0), examples(queries, unknown))


SMALL, WIDE = task_of(2, 3, 6, 3, seed=1), task_of(5, 4, 9, 4, seed=2)


def probabilities(support: Examples) -> Any:
    centres = support.y.mT @ support.x / support.y.sum(0)[:, None]
    return lambda x: (-(torch.cdist(x, centres) ** 2)).softmax(-1)


def numbers(support: Examples) -> Any:
    return lambda x: probabilities(support)(x).argmax(-1)


MODELS: dict[str, Any] = {
    "learner": learners.ProtoNet(nn.Flatten()),
    "loop": learners.LogisticRegression(),
    "function": probabilities,
    "class numbers": numbers,
}


def value(report: Report, name: str, task: int) -> float:
    score = report.other(name)
    return score.value if score.pooled else score.scores[task]


@pytest.mark.parametrize("name", OF_CLASSES)
@pytest.mark.parametrize("model", MODELS)
def test_a_task_beside_a_wider_and_longer_one_scores_as_it_does_alone(name: str, model: str) -> None:
    measure = MEASURES[name]
    if model == "class numbers" and name not in ("accuracy", "macro_f1", "mean_iou"):
        with pytest.raises(LearnerError, match="needs probabilities"):
            evaluate(MODELS[model], Listed([SMALL], Categorical()), tasks=1, metrics=(measure,))
        return
    alone = evaluate(MODELS[model], Listed([SMALL], Categorical()), tasks=1, metrics=(measure,))
    beside = evaluate(MODELS[model], Listed([WIDE, SMALL], Categorical()), tasks=2, metrics=(measure,))
    assert beside.scores[1] == pytest.approx(alone.scores[0])
    assert math.isfinite(value(alone, name, 0)), "the task shows something of every metric"
    if not measure.pooled:
        assert value(beside, name, 1) == pytest.approx(value(alone, name, 0), abs=1e-6)


@pytest.mark.parametrize("name", OF_CLASSES)
def test_pooled_tasks_of_different_ways_keep_their_own_classes(name: str) -> None:
    """Pooled, the columns that the smaller task lacks are no classes that its queries are set against."""
    pooled = metrics.pooled(MEASURES[name])
    seen: list[tuple[Predicted, Tensor]] = []
    report = evaluate(
        probabilities,
        Listed([WIDE, SMALL], Categorical()),
        tasks=2,
        metrics=(pooled,),
        watch=lambda p, y: seen.append((p, y)),
    )
    assert [y.shape[1] for _, y in seen] == [5, 2]
    found = report.other(name).value
    assert math.isfinite(found)
    if name in ("auroc", "auprc"):
        area = []
        for c in range(5):
            parts = [(p.probabilities[y.sum(1) > 0, c], y[y.sum(1) > 0, c]) for p, y in seen if c < y.shape[1]]
            said, true = (torch.cat([part[i] for part in parts]) for i in (0, 1))
            two = Predicted.of(torch.stack([1 - said, said], 1).log(), Categorical())
            area.append(MEASURES[name](two, torch.stack([1 - true, true], 1)))
        assert found == pytest.approx(sum(area) / 5, abs=1e-6)


@pytest.mark.parametrize("name", sorted(set(MEASURES) - OF_SPANS - OF_MASKS - OF_TEXTS))
def test_the_order_of_queries_does_not_matter(name: str) -> None:
    generator = torch.Generator().manual_seed(0)
    if name in OF_LABELS:
        y = torch.randint(0, 2, (30, 3), generator=generator).float()
        said = Predicted.of(torch.randint(-2, 3, (30, 3), generator=generator).float(), Labels())  # with ties
    elif name in OF_VALUES:
        y = torch.randint(0, 4, (30, 1), generator=generator).float()
        said = Predicted.of(torch.randint(0, 6, (30, 1), generator=generator).float(), Gaussian(variance=1.0))  # with ties
    else:
        y = torch.cat([torch.eye(3)[torch.arange(27) % 3], torch.zeros(3, 3)])
        said = Predicted.of(torch.randint(0, 3, (30, 3), generator=generator).float(), Categorical())
    if name in OF_TWO:
        said, y = Predicted.of(said.outputs[:, :2], Categorical()), torch.eye(2)[torch.arange(30) % 2]
    turned = torch.randperm(30, generator=generator)
    assert MEASURES[name](said[turned], y[turned]) == pytest.approx(MEASURES[name](said, y), abs=1e-9)


@pytest.mark.parametrize("name", sorted(set(OF_CLASSES)))
def test_the_names_of_classes_do_not_matter_to_answers_that_say_nothing(name: str) -> None:
    """Equal logits name no class, least of all the first: all classes share the answer."""
    y = torch.eye(4)[[0] * 6 + [1, 1, 2, 3]]
    said = Predicted.of(torch.zeros(10, 4), Categorical())
    expected = {
        "accuracy": 0.25,
        "log_loss": math.log(4),
        "calibration_error": 0.0,
        "ece": 0.0,
        "auroc": 0.5,
        "auprc": 0.25,
        "delta_auprc": 0.0,
        "macro_f1": sum(2 * (n / 4) / (n + 2.5) for n in (6, 2, 1, 1)) / 4,
        "mean_iou": sum((n / 4) / (n + 2.5 - n / 4) for n in (6, 2, 1, 1)) / 4,
        "abstention_auroc": math.nan,
        "hits_5": 1.0,
        "hits_10": 1.0,
        "mrr": sum(1 / rank for rank in (1, 2, 3, 4)) / 4,
        "rank_ndcg": sum(1 / math.log2(1 + rank) for rank in (1, 2, 3, 4)) / 4,
    }
    assert MEASURES[name](said, y) == pytest.approx(expected[name], abs=1e-6, nan_ok=True)
    assert MEASURES[name](said, y.flip(1)) == pytest.approx(expected[name], abs=1e-6, nan_ok=True)


def test_without_ties_f1_and_iou_are_scikit_learn_s() -> None:
    from sklearn import metrics as theirs

    generator = torch.Generator().manual_seed(3)
    said, labels = torch.randn(200, 5, generator=generator), torch.randint(0, 4, (200,), generator=generator)  # none of class 4
    predicted, y = Predicted.of(said, Categorical()), torch.eye(5)[labels]
    named = said.argmax(1)
    assert metrics.macro_f1(predicted, y) == pytest.approx(theirs.f1_score(labels, named, average="macro"))
    assert metrics.mean_iou(predicted, y) == pytest.approx(theirs.jaccard_score(labels, named, average="macro"))
    shares = said.double().softmax(-1).numpy()
    assert metrics.log_loss(predicted, y) == pytest.approx(theirs.log_loss(labels, shares, labels=range(5)), rel=1e-6)


def test_the_main_score_shares_ties_as_the_metric_does() -> None:
    tasks = Listed([SMALL, WIDE], Categorical())
    flat = evaluate(lambda support: lambda x: torch.zeros(len(x), support.y.shape[1]), tasks, tasks=2)
    assert flat.scores == pytest.approx((1 / 2, 1 / 5))


@pytest.mark.parametrize("name", sorted(OF_VALUES))
def test_padded_rows_are_no_queries_of_values(name: str) -> None:
    generator = torch.Generator().manual_seed(0)

    def values(rows: int) -> Task:
        x, y = torch.randn(4 + rows, 2, generator=generator), torch.rand(4 + rows, 1, generator=generator)
        both = Examples(x, y, torch.ones(4 + rows))
        return Task(both[:4], both[4:])

    def line(support: Examples) -> Any:
        return lambda x: (x[:, :1], 1 + 0 * x[:, :1])

    short, long = values(6), values(11)
    alone = evaluate(line, Listed([short], Gaussian()), tasks=1, metrics=(MEASURES[name],))
    beside = evaluate(line, Listed([long, short], Gaussian()), tasks=2, metrics=(MEASURES[name],))
    assert value(beside, name, 1) == pytest.approx(value(alone, name, 0), rel=1e-6)


def test_labels_keep_all_their_columns() -> None:
    """A column of bits in which nobody of a small support set has a 1 is a column still."""
    x, y = torch.zeros(4, 1), torch.tensor([[0.0, 1.0, 0.0]] * 4)
    one = Task(Examples(x, y, torch.ones(4)), Examples(x, y, torch.ones(4)))
    found = evaluate(lambda support: lambda x: torch.full((len(x), support.y.shape[1]), 0.5), Listed([one], Bernoulli()), tasks=1)
    assert found.scores == (12.0,)


def test_outputs_of_two_kinds_are_not_pooled() -> None:
    def changing(support: Examples) -> Any:
        return lambda x: probabilities(support)(x) * (1 if support.y.shape[1] == 2 else 3)

    with pytest.raises(LearnerError, match="probabilities in some and scores"):
        evaluate(changing, Listed([SMALL, WIDE], Categorical()), tasks=2, metrics=(metrics.pooled(metrics.accuracy),))


def test_items_with_equal_values_share_the_last_places() -> None:
    """What is expected if the order among equals is drawn: 2 places for 4 equal items, one of them taken."""
    said = Predicted.of(torch.tensor([[0.9], [0.5], [0.5], [0.5], [0.5], [0.1]]), Gaussian())
    taken = torch.tensor([[1.0], [0.0], [0.0], [1.0], [0.0], [0.0]])
    assert metrics.recall_at(3)(said, taken) == pytest.approx((1 + 2 / 4) / 2)
    assert metrics.recall_at(3)(said, taken[[0, 3, 1, 2, 4, 5]]) == pytest.approx((1 + 2 / 4) / 2)
