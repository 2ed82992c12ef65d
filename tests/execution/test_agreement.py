"""A learner and its tasks agree on what targets mean and on how images become inputs, or are refused before they begin."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from contract.cases import CASES
from quickstudy import Task, checks, datasets, evaluate, evaluate_stream, learners, tasks, train
from quickstudy.errors import LearnerError, TaskError
from quickstudy.execution.agreement import agree, disagreement
from quickstudy.inputs.images import Images
from quickstudy.learner import Learner
from quickstudy.likelihood import Bernoulli, Categorical, Gaussian, LogLoss
from quickstudy.nn import MLP, LSTMCell
from quickstudy.task import Examples
from quickstudy.tasks.source import Plan, TaskSource

READER = Images((8, 8), strokes=False)


def index(reads: Images | None = READER) -> datasets.ClassIndex:
    labels = torch.arange(60) % 6
    return datasets.ClassIndex(torch.rand(60, 1, 8, 8), labels, tuple("abcdef"), reads=reads)


def few(reads: Images | None = READER) -> tasks.FewShot:
    return tasks.FewShot(index(reads), 3, 2, 3)


WRAPPED: dict[str, Callable[[TaskSource[Any]], TaskSource[Any]]] = {
    "images": tasks.AugmentedImages,
    "targets": tasks.MetaAug,
    "MetaMix": tasks.MetaMix,
    "MLTI": tasks.MLTI,
    "unsplit": tasks.Unsplit,
    "mixture": lambda source: tasks.Mixture([source, source]),
    "both": lambda source: tasks.Unsplit(tasks.Mixture([tasks.MetaMix(source)])),
}


@pytest.mark.parametrize("wrap", WRAPPED.values(), ids=WRAPPED)
def test_wrappers_forward_what_targets_mean_and_how_images_are_read(wrap: Callable[..., TaskSource[Any]]) -> None:
    assert isinstance(wrap(few()).likelihood, Categorical) and wrap(few()).reads == READER
    assert wrap(few(None)).reads is None
    assert isinstance(wrap(tasks.Sinusoid()).likelihood, Gaussian) and wrap(tasks.Sinusoid()).reads is None


def test_every_source_says_what_its_targets_mean() -> None:
    for source in (
        few(),
        tasks.Supervised(index()),
        tasks.FixedColumns(few()),
        tasks.DisjointClasses(few()),
        tasks.DisjointRows(few()),
    ):
        assert isinstance(source.likelihood, Categorical) and source.reads == READER, source.name
    assert tasks.OpenSet(index(), 3, 2, 3).likelihood == Categorical() == tasks.Curriculum(few(), lambda step: (2, 2)).likelihood
    for waves in (tasks.Sinusoid(), tasks.OneHotSinusoid(), tasks.Quadratics()):
        assert isinstance(waves.likelihood, Gaussian) and waves.reads is None
    assert tasks.Copy().likelihood == Bernoulli()
    other = tasks.Mixture([few(), tasks.FewShot(index(Images((8, 8))), 3, 2, 3)])
    assert other.reads is None, "two ways of reading are none"
    with pytest.raises(TaskError, match="are classes and those of sinusoid .* values. Mix sources of one kind"):
        tasks.Mixture([few(), tasks.Sinusoid()]).likelihood  # noqa: B018


class Own(TaskSource[Any]):
    """Tasks of one's own whose targets are what a function makes of random numbers."""

    name = "own"

    def __init__(self, make: Callable[[Tensor], Tensor]) -> None:
        self.make = make

    def plan(self, batch: int, generator: torch.Generator | None = None) -> Any:
        return tasks.Sinusoid().plan(batch, generator)

    def gather(self, plan: Any) -> Task:
        drawn = tasks.Sinusoid().gather(plan)
        return Task(*[Examples(side.x, self.make(side.y), side.mask) for side in (drawn.support, drawn.query)])


class OwnBits(Own):
    """The same, which says what they mean."""

    likelihood = Gaussian()


def bits(y: Tensor) -> Tensor:
    return (y > 0).float()


def test_a_source_of_ones_own_is_read_where_that_is_certain() -> None:
    assert isinstance(Own(lambda y: y).likelihood, Gaussian)
    assert isinstance(Own(lambda y: torch.cat([bits(y), 1 - bits(y)], -1)).likelihood, Categorical)
    for make in (bits, lambda y: torch.cat([bits(y), bits(-y + 1)], -1), torch.round):
        with pytest.raises(TaskError, match=r"targets of own mean cannot be inferred.*likelihood = Categorical\(\)"):
            Own(make).likelihood  # noqa: B018
    report = evaluate(lambda support: lambda x: 0 * x, OwnBits(bits), tasks=20)
    assert report.metric == "mse", "a column of 0 and 1 that is declared as values"
    share = OwnBits(bits).sample(20, torch.Generator()).query.y.mean()
    assert 0.2 < share < 0.8 and 0.2 < report.mean < 0.8


REFUSED: dict[str, tuple[Callable[[], Learner[Any]], Callable[[], TaskSource[Any]], str]] = {
    "values to classes": (
        lambda: learners.MAML(MLP(1, outputs=1)),
        tasks.Sinusoid,
        "MAML learns classes, but the targets of sinusoid 10-shot 10 queries are values. Build it with likelihood=Gaussian().",
    ),
    "no such argument": (
        lambda: learners.ProtoNet(MLP(1)),
        tasks.Sinusoid,
        "ProtoNet learns classes, but the targets of sinusoid 10-shot 10 queries are values. "
        "Choose a learner of values, learners.MAML(..., likelihood=Gaussian()) for one.",
    ),
    "inside a wrapper": (
        lambda: learners.FirstOrderWarmUp(learners.MAML(MLP(1, outputs=1))),
        tasks.Sinusoid,
        "MAML learns classes, but the targets of sinusoid 10-shot 10 queries are values. Build it with likelihood=Gaussian().",
    ),
    "classes to values": (
        lambda: learners.MAML(MLP(64, outputs=3), likelihood=Gaussian()),
        few,
        "MAML learns values, but the targets of data 3-way 2-shot 3 queries are classes. Build it with likelihood=Categorical().",
    ),
    "bits to classes": (
        lambda: learners.SequenceTransducer(LSTMCell(17, 8), likelihood=Categorical()),
        tasks.Copy,
        "SequenceTransducer learns classes, but the targets of copy of 20 steps of 8 bits are labels. "
        "Build it with likelihood=Labels().",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_other_targets_are_refused_everywhere_in_one_sentence(name: str) -> None:
    make, source, sentence = REFUSED[name]
    learner, found = make(), source()
    optimizer = torch.optim.SGD(learner.parameters(), 0.1)
    doors: dict[str, Callable[[], Any]] = {
        "train": lambda: next(train(learner, found, steps=1, batch=2, optimizer=optimizer)),
        "evaluate": lambda: evaluate(learner, found, tasks=3),
        "stream": lambda: evaluate_stream(learner, found, tasks=3),
        "contract": lambda: checks.check_learner(learner, found),
    }
    for door, ask in doors.items():
        with pytest.raises(LearnerError) as refusal:
            ask()
        assert str(refusal.value) == sentence, door
    diagnosis = checks.examine(checks.Subject("mine", train=found, learner=learner), only=["targets"])
    assert diagnosis.worst == checks.Severity.SEVERE and sentence in diagnosis.findings[0].what


def test_kinds_are_compared_and_not_losses() -> None:
    agree(learners.MAML(MLP(64, outputs=3), likelihood=LogLoss()), few())
    agree(learners.MAML(MLP(1, outputs=1), likelihood=Gaussian(3.0)), tasks.Sinusoid())
    fine = checks.Subject("mine", train=few(), learner=learners.ProtoNet(MLP(64)))
    assert checks.examine(fine, only=["targets"]).observations["targets"].verdict == "ok"


@pytest.mark.parametrize("name", CASES)
def test_every_learner_agrees_with_the_tasks_that_suit_it(name: str) -> None:
    case = CASES[name]
    assert disagreement(case.make(), case.source()) is None


def test_a_learner_trained_on_images_carries_its_input_kind() -> None:
    inner = learners.ProtoNet(nn.Sequential(nn.Flatten(), nn.Linear(64, 8)))
    learner = learners.FirstOrderWarmUp(inner)
    optimizer = torch.optim.SGD(learner.parameters(), 0.1)
    assert learner.reads is None
    list(train(learner, tasks.MetaAug(few()), steps=1, batch=2, optimizer=optimizer))
    assert learner.reads == inner.reads == READER == learner(index().examples()).reads
    with pytest.raises(LearnerError, match=r"ProtoNet was trained on images as Images.*datasets.redrawn\(index, learner.reads\)"):
        evaluate(learner, few(Images((8, 8))), tasks=2)
    assert evaluate(learner, few(None), tasks=2).mean >= 0, "a source that does not say is no other"
    with pytest.raises(LearnerError, match="was trained on images as"):
        next(train(learner, few(Images((8, 8))), steps=1, batch=2, optimizer=optimizer))
    tables = learners.ProtoNet(nn.Flatten())
    assert tables.reads is None


class Lists(Plan):
    """No tasks."""


def test_what_is_no_source() -> None:
    data = torch.utils.data.TensorDataset(torch.zeros(4, 3), torch.tensor([0, 0, 1, 1]))
    for wrong, remedy in (
        (torch.utils.data.DataLoader(data), r"a DataLoader is no source of tasks.*datasets.from_dataset\(data\).*FewShot"),
        (data, "a TensorDataset is no source of tasks.*from_dataset"),
        (index(), r"a ClassIndex is no source of tasks. Draw tasks from its classes: tasks.FewShot\(index\)"),
        (tasks.Sinusoid, r"Sinusoid is the class of a source. Build one: Sinusoid\(...\)"),
        (None, "a NoneType is no source"),
    ):
        for model in (learners.ProtoNet(nn.Flatten()), lambda support: lambda x: x):
            with pytest.raises(TaskError, match=remedy):
                evaluate(model, wrong)


@pytest.mark.parametrize(
    ("y", "kind", "found"),
    [([0.0, 1.0, 2.0], "values", "values"), ([0.5, 1.0, 2.0], None, "values"), ([[1, 1], [0, 1], [1, 0]], None, "labels")],
)
def test_a_learner_of_classes_refuses_a_support_set_of_other_targets(y: Any, kind: Any, found: str) -> None:
    support = Examples.of(torch.randn(3, 4), y, kind=kind)
    with pytest.raises(LearnerError, match=f"^MAML learns classes, but .* of the support set are {found}. Build it with"):
        learners.MAML(MLP(4, outputs=3))(support)
    fitting = learners.MAML(MLP(4, outputs=support.y.shape[1]), likelihood=Gaussian())
    assert fitting(support)(torch.randn(2, 4)).shape == (2, support.y.shape[1])
    assert learners.ProtoNet(MLP(4))(Examples.of(torch.randn(3, 4), [1, 0, 1])).probabilities(torch.randn(2, 4)).shape == (2, 2)
