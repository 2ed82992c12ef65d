"""Learners of several labels a row: what they answer, which do, and what refuses."""

import inspect
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neighbors import KNeighborsClassifier
from torch import Tensor, nn

from contract.cases import CASES
from contract.cases.ground import labelled
from quickstudy import Examples, datasets, evaluate, learners, load, metrics, save, tasks, train
from quickstudy.borders.signatures import accepts
from quickstudy.errors import DataError, LearnerError, ShapeError, TaskError
from quickstudy.learner import Learner
from quickstudy.likelihood import ABSENT, Categorical, Gaussian, Labels
from quickstudy.nn import MLP
from quickstudy.tasks.source import generator_of

LABELS = Labels()


def support(rows: int = 12, seed: int = 0) -> Examples:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, 4, generator=generator)
    y = torch.stack([x[:, 0] > 0, x[:, 1] > -0.3, torch.zeros(rows) > 1, torch.ones(rows) > 0], 1).float()
    return Examples.of(x, y, kind="labels")


QUERIES = torch.randn(7, 4, generator=torch.Generator().manual_seed(9))


def test_proto_net_tells_each_label_against_the_rest() -> None:
    given = support()
    learner = learners.ProtoNet(nn.Flatten(), scale=0.5, likelihood=LABELS)
    found = learner(given)(QUERIES)
    for label in (0, 1):
        has = given.y[:, label] > 0
        far = [((QUERIES - given.x[rows].mean(0)) ** 2).sum(1) for rows in (has, ~has)]
        assert torch.allclose(found[:, label], 0.5 * (far[1] - far[0]), atol=1e-5)
    assert bool((found[:, 2] == ABSENT).all()), "no row has it"
    assert torch.allclose(found[:, 3], torch.tensor(13.0).log().expand(7)), "all rows have it"
    centroid = learners.NearestCentroid(likelihood=LABELS)(given)(QUERIES)
    assert torch.allclose(centroid[:, :2], 2 * found[:, :2], atol=1e-5)
    state = learner.update(learner.adapt(given[:5]), given[5:])
    assert torch.allclose(learner.predict(state, QUERIES), found, atol=1e-5)


@pytest.mark.parametrize("C", [0.3, 1.0])
def test_logistic_heads_are_those_of_scikit_learn(C: float) -> None:
    given = support()
    found = learners.LogisticRegression(C, likelihood=LABELS)(given).probabilities(QUERIES)
    for label in (0, 1):
        wanted = LogisticRegression(C=C).fit(given.x.numpy(), given.y[:, label].numpy()).predict_proba(QUERIES.numpy())[:, 1]
        assert np.allclose(found[:, label], wanted, atol=1e-3)
    assert torch.allclose(found[:, 3], torch.tensor(13 / 14).expand(7)) and bool((found[:, 2] == 0).all())
    head = learners.LRD2(nn.Flatten(), penalty=2 / C, likelihood=LABELS)(given).probabilities(QUERIES)
    wide = np.concatenate([given.x.numpy(), np.ones((12, 1))], 1)
    asked = np.concatenate([QUERIES.numpy(), np.ones((7, 1))], 1)
    for label in (0, 1):
        model = LogisticRegression(C=C, fit_intercept=False, tol=1e-8).fit(wide, given.y[:, label].numpy())
        assert np.allclose(head[:, label], model.predict_proba(asked)[:, 1], atol=1e-4)


def test_ridge_and_neighbours() -> None:
    given = support()
    learner = learners.R2D2(nn.Flatten(), penalty=0.7, likelihood=LABELS)
    wide = torch.cat([given.x, torch.ones(12, 1)], 1)
    solved = torch.linalg.solve(wide.mT @ wide + 0.7 * torch.eye(5), wide.mT @ (2 * given.y - 1))
    wanted = 10 * torch.cat([QUERIES, torch.ones(7, 1)], 1) @ solved
    assert torch.allclose(learner(given)(QUERIES)[:, [0, 1, 3]], wanted[:, [0, 1, 3]], atol=1e-3)
    for k in (1, 3):
        votes = MultiOutputClassifier(KNeighborsClassifier(k)).fit(given.x.numpy(), given.y.numpy()).predict(QUERIES.numpy())
        found = learners.NearestNeighbours(k, likelihood=LABELS)(given).probabilities(QUERIES)
        assert np.array_equal(found.numpy() > 0.5, votes > 0.5)
    even = learners.NearestNeighbours(2, likelihood=LABELS)(given).probabilities(QUERIES)
    assert np.array_equal(even.numpy()[:, :2] > 0.5, first_vote(given)[:, :2]), "equal votes: the nearer of both"


def first_vote(given: Examples) -> Any:
    near = torch.cdist(QUERIES, given.x).argmin(1)
    return given.y[near].numpy() > 0.5


def test_a_predictor_names_the_labels_that_are_more_probable_than_not(tmp_path: Path) -> None:
    given = support()
    predictor = learners.ProtoNet(nn.Flatten(), likelihood=LABELS)(given, ("sun", "rain", "snow", "sky"))
    probable = predictor.probabilities(QUERIES)
    assert probable.shape == (7, 4) and bool(((probable >= 0) & (probable <= 1)).all())
    wanted = [tuple(n for n, p in zip(("sun", "rain", "snow", "sky"), row, strict=True) if p > 0.5) for row in probable.tolist()]
    assert predictor.names(QUERIES) == wanted and {len(names) for names in wanted} > {1}
    save(predictor, tmp_path / "p")
    again = load(tmp_path / "p", like=learners.ProtoNet(nn.Flatten(), likelihood=LABELS))
    assert again.learner.likelihood == LABELS and again.names(QUERIES) == wanted
    assert torch.equal(again.probabilities(QUERIES), probable)
    unnamed = learners.ProtoNet(nn.Flatten(), likelihood=LABELS)(given).names(QUERIES)
    assert all(isinstance(names, tuple) and "3" in names for names in unnamed)


def those_of_labels() -> list[str]:
    found = {name: getattr(learners, name) for name in learners.__all__}
    of_learners = {name: made for name, made in found.items() if inspect.isclass(made) and issubclass(made, Learner)}
    return sorted(name for name, made in of_learners.items() if accepts(made, "likelihood", LABELS))


ALSO = {
    "AttentiveProcess": lambda: learners.AttentiveProcess(
        MLP(19, (16,), outputs=16),
        MLP(19, (16,), outputs=16),
        MLP(16, (16,), outputs=16),
        MLP(49, (32,), outputs=3),
        likelihood=LABELS,
    ),
    "ConditionalNeuralProcess": lambda: learners.ConditionalNeuralProcess(
        MLP(19, (16,), outputs=16), MLP(32, (32,), outputs=3), likelihood=LABELS
    ),
    "LearnedOptimizer": "LearnedOptimizer, classes",
    "Reptile": lambda: learners.Reptile(MLP(16, (24,), outputs=3), likelihood=LABELS),
}


@pytest.mark.parametrize("name", sorted(set(those_of_labels()) - {"SequenceTransducer"}))
def test_every_learner_that_takes_a_likelihood_learns_labels(name: str) -> None:
    case: Any = ALSO.get(name, name)
    learner = case() if callable(case) else partial(CASES[case].make, likelihood=LABELS)()
    report = evaluate(learner, labelled(), tasks=8, metrics=(metrics.micro_f1, metrics.macro_f1, metrics.exact_match))
    assert report.metric == "micro F1" and report.higher_is_better and 0 < report.mean < 1
    assert report.other("micro_f1").scores == pytest.approx(report.scores, abs=1e-6)
    assert report.scores == pytest.approx(evaluate(learner, labelled(), tasks=8, batch=1, strategy="loop").scores, abs=1e-5)


def test_the_page_lists_the_learners_of_labels() -> None:
    page = (Path(__file__).parents[2] / "docs" / "evaluation.md").read_text(encoding="utf-8")
    row = next(line for line in page.splitlines() if line.startswith("| any number of labels"))
    assert sorted(part for part in row.split("`") if part in learners.__all__) == those_of_labels()


def test_meta_training_and_outside_models() -> None:
    source = labelled()
    torch.manual_seed(0)
    learner = learners.ProtoNet(MLP(16, (24, 16)), likelihood=source.likelihood)
    before = evaluate(learner, source, tasks=30, seed=1).mean
    optimizer = torch.optim.Adam(learner.parameters(), 3e-3)
    list(train(learner, source, steps=150, batch=4, optimizer=optimizer))
    after = evaluate(learner, source, tasks=30, seed=1)
    assert after.mean > before + 0.1 and "micro F1" in str(after) and " %" in str(after)
    model = MultiOutputClassifier(LogisticRegression())
    outside = evaluate(model, source, tasks=5, metrics=(metrics.exact_match,))
    ours = evaluate(learners.LogisticRegression(likelihood=LABELS), source, tasks=5, metrics=(metrics.exact_match,))
    assert outside.scores == pytest.approx(ours.scores, abs=0.02) and outside.digest == ours.digest


def table(y: Tensor, tasks_: int = 3) -> datasets.Table:
    rows = len(y)
    names = tuple(f"t{n}" for n in range(tasks_))
    return datasets.Table(torch.randn(rows, 4), y, torch.arange(rows) % tasks_, names, ("a", "b")[: y.shape[1]])


def test_tasks_of_labels_have_a_label_in_their_support_set() -> None:
    y = (torch.rand(60, 2, generator=torch.Generator().manual_seed(0)) < 0.15).float()
    made = table(y)
    assert made.kind == "labels" and str(made) == "Table(data: 60 rows of 3 tasks, 2 labels)"
    source = tasks.ByTask(made, shots=4, queries=6)
    assert source.likelihood == LABELS and not source.fixed
    batch = source.sample(50, generator_of(0))
    assert bool((batch.support.y.sum((1, 2)) > 0).all()) and batch.support.y.shape == (50, 4, 2)
    assert batch.query.y.dtype == torch.float32 and set(batch.query.y.unique().tolist()) == {0.0, 1.0}
    plan = source.plan(3, generator_of(0))
    assert torch.equal(source.gather(plan).query.y, y[plan.query_rows])
    first = tasks.ByTask(made, shots=4, queries=6, order="first", too_small="skip")
    has = [bool(y[task::3][:4].any()) for task in range(3)]
    assert len(first) == sum(has) and first.skipped == tuple(f"t{task}" for task in range(3) if not has[task])
    with pytest.raises(TaskError, match="too small for .*a support set needs a row with a label"):
        tasks.ByTask(table(torch.zeros(60, 2)), shots=4)
    with pytest.raises(TaskError, match="by class, but targets are labels. Give a whole number"):
        tasks.ByTask(made, shots={"a": 2, "b": 2})


def test_tables_with_columns_of_labels() -> None:
    who = ["ann"] * 4 + ["bob"] * 3 + ["eve"] * 3
    rows = {"who": who, "dose": list(range(10)), "cough": [0, 1] * 5, "fever": list("1011010110")}
    made = datasets.table(rows, task="who", labels=["cough", "fever"])
    assert made.classes == ("cough", "fever") and made.kind == "labels" and made.reads.names == ("dose",)
    assert made.y.tolist()[:3] == [[0, 1], [1, 0], [0, 1]]
    apart = rows | {"part": ["train"] * 4 + ["val"] * 3 + ["test"] * 3}
    parts = datasets.table(apart, task="who", labels=["cough"], leave_out=["fever"], split="part")
    assert parts.test.y.tolist() == [[1], [0], [1]] and parts.test.kind == "labels"
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"labels": ["cough"]}, "several labels a row are predicted task by task"),
        ({"labels": ["cough"], "label": "fever", "task": "who"}, "several labels .* no other column can be"),
        ({"labels": ["dose"], "task": "who"}, 'the column "dose" of labels has 2 in row 2'),
        ({"labels": ["cof"], "task": "who"}, "has no column 'cof'.*cough"),
        ({"labels": ["cough"], "task": "who", "columns": ["cough", "dose"]}, '"cough" is to be predicted, so it is no input'),
        ({"labels": ["cough", "cough"], "task": "who"}, '"cough" cannot be two things'),
    ]
    for arguments, words in wrong:
        with pytest.raises(DataError, match=words):
            datasets.table(rows, **arguments)


def test_what_is_refused() -> None:
    given = support()
    with pytest.raises(LearnerError, match=r"ProtoNet learns classes, but .* are labels. Build it with likelihood=Labels\(\)"):
        learners.ProtoNet(nn.Flatten())(given)
    with pytest.raises(LearnerError, match=r"MatchingNet learns classes, but .* Choose a learner of labels, learners.MAML"):
        evaluate(learners.MatchingNet(nn.Flatten()), labelled(), tasks=2)
    with pytest.raises(LearnerError, match="ProtoNet: likelihood=.*must be .*Categorical.*Labels"):
        learners.ProtoNet(nn.Flatten(), likelihood=Gaussian())  # type: ignore[arg-type]
    with pytest.raises(LearnerError, match="learns labels, but the targets of .* are classes"):
        index = datasets.from_arrays(torch.randn(60, 4), torch.arange(60) % 6)
        evaluate(learners.ProtoNet(nn.Flatten(), likelihood=LABELS), tasks.FewShot(index, queries=3), tasks=2)
    with pytest.raises(LearnerError, match="ProtoNet learns labels, but the targets of the support set are values"):
        learners.ProtoNet(nn.Flatten(), likelihood=LABELS)(Examples.of(torch.randn(3, 2), [0.5, 2.0, 1.0]))
    with pytest.raises(ShapeError, match="has 2 outputs, but the task has 4 labels. Build the network with at least 4"):
        learners.MAML(nn.Linear(4, 2), likelihood=LABELS)(given)(QUERIES)
    with pytest.raises(DataError, match="labels are rows of 0 and 1, a column for each of the 2 names"):
        table(torch.full((60, 2), 0.5))
    assert learners.ProtoNet(nn.Flatten()).likelihood == Categorical()
