"""The equal budget: everyone spends it, the comparison is paired and resumed learner by learner."""

import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from quickstudy import datasets, learners
from quickstudy.datasets.class_index import Splits
from quickstudy.errors import RunError
from quickstudy.functional.tree import bytes_of
from quickstudy.learner import Learner
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.runs.contenders import CONTENDERS, Budget
from quickstudy.runs.equal_budget import Standing, chosen, compete, settings_of, summary
from quickstudy.tasks.few_shot import FewShot
from quickstudy.tasks.supervised import Supervised
from quickstudy.wrapper import LearnerWrapper

NOT_CLASSIFIERS = {"ALPaCA", "ConditionalNeuralProcess", "CorrectedGaussian", "LearnedOptimizer", "SequenceTransducer"}
NOT_CLASSIFIERS |= {
    "BayesianLogisticRegression",
    "AttentionForecaster",
    "AttentiveProcess",
    "AveragedForecasts",
    "EvidenceNet",
    "EditRuleRanker",
    "ExponentialSmoothing",
    "FittedSmoothing",
    "PolicyMAML",
    "PersonalRanker",
    "TranslationRanker",
}
"""Learners of other tasks, by name."""


def images(classes: int = 12) -> Splits:
    """Patterns of 28×28 under noise, ten of each."""

    def index(seed: int, name: str) -> datasets.class_index.ClassIndex:
        generator = torch.Generator().manual_seed(seed)
        labels = torch.arange(classes).repeat_interleave(10)
        x = torch.rand(classes, 1, 28, 28, generator=generator)[labels]
        return datasets.from_arrays(x + 0.3 * torch.randn(x.shape, generator=generator), labels, name=name)

    return Splits(index(0, "toys/train"), index(1, "toys/val"), index(2, "toys/test"))


def small(**changes: Any) -> Budget:
    return Budget(images(), {"train_queries": 2, "queries": 2, "steps": 2, "batch": 2, "width": 8} | changes)


def trained_by(budget: Budget, name: str) -> Recipe | Learner[Any]:
    return CONTENDERS[name](budget)


@pytest.mark.parametrize("name", CONTENDERS)
def test_everyone_spends_the_same_and_comes_through(name: str, tmp_path: Path) -> None:
    budget = small()
    with torch.random.fork_rng():
        entry = trained_by(budget, name)
    learner = entry.learner if isinstance(entry, Recipe) else entry
    assert not isinstance(entry, Recipe) or entry.val is None, "the budget has no validation"
    assert type(learner).__name__ == name.split(",")[0]
    if isinstance(entry, Recipe) and isinstance(entry.train, FewShot):
        assert (entry.train.ways, entry.train.shots, entry.train.queries) == ((5, 5), (1, 1), 2)
        assert entry.steps * entry.batch <= budget.tasks, "all tasks, or what a pre-training has left of them"
    elif isinstance(entry, Recipe):
        assert isinstance(entry.train, Supervised)
        assert entry.steps * entry.train.examples == budget.examples and entry.batch in (1, 2)
    ((_, standing, new),) = compete(tmp_path, {name: CONTENDERS[name]}, budget, tasks=2)
    assert new and isinstance(standing, Standing) and len(standing.report.scores) == 2
    assert standing.report.state_bytes is not None and standing.peak_bytes >= 0
    assert (standing.training_seconds > 0) == isinstance(entry, Recipe)
    assert standing.family == type(learner).__module__.split(".")[2]


def test_every_learner_that_classifies_takes_part() -> None:
    found = {n: getattr(learners, n) for n in learners.__all__ if inspect.isclass(getattr(learners, n))}
    classes = {n for n, kind in found.items() if issubclass(kind, Learner) and not issubclass(kind, LearnerWrapper)}
    assert {name.split(",")[0] for name in CONTENDERS} == classes - NOT_CLASSIFIERS


QUICK = {name: CONTENDERS[name] for name in ("NearestCentroid", "ProtoNet", "ANIL")}


def test_what_is_known_is_not_trained_again(tmp_path: Path) -> None:
    first = list(compete(tmp_path, {"ProtoNet": QUICK["ProtoNet"]}, small(), tasks=3))
    again = list(compete(tmp_path, QUICK, small(), tasks=3))
    assert [new for _, _, new in again] == [True, False, True]
    assert again[1][1] == first[0][1]
    fresh = list(compete(tmp_path / "other", {"ProtoNet": QUICK["ProtoNet"]}, small(), tasks=3))
    assert scores(fresh) == scores(first), "the seed decides all"


def test_two_processes_give_the_standings_of_one(tmp_path: Path) -> None:
    some = {name: QUICK[name] for name in ("ProtoNet", "NearestCentroid")}
    alone = list(compete(tmp_path / "alone", some, small(), tasks=3))
    two = list(compete(tmp_path / "two", some, small(), tasks=3, jobs=2))
    assert scores(two) == scores(alone) and [name for name, _, _ in two] == list(some)
    assert (tmp_path / "two" / "ProtoNet.safetensors").exists()


def scores(found: list[tuple[str, Any, bool]]) -> list[tuple[float, ...]]:
    return [standing.report.scores for _, standing, _ in found]


def test_another_budget_is_refused(tmp_path: Path) -> None:
    list(compete(tmp_path, {"NearestCentroid": QUICK["NearestCentroid"]}, small(), tasks=2))
    with pytest.raises(RunError, match=r"another budget \(tasks=2\).*another folder"):
        list(compete(tmp_path, {"NearestCentroid": QUICK["NearestCentroid"]}, small(), tasks=3))
    with pytest.raises(RunError, match=r"another budget \(steps=2\)"):
        list(compete(tmp_path, {"NearestCentroid": QUICK["NearestCentroid"]}, small(steps=3), tasks=2))


def test_a_damaged_standing_is_named_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "NearestCentroid.json").write_text("{")
    ((_, error, new),) = compete(tmp_path, {"NearestCentroid": QUICK["NearestCentroid"]}, small(), tasks=2)
    assert isinstance(error, RunError) and not new
    assert "NearestCentroid.json is damaged" in str(error) and "Remove it" in str(error)


def test_the_trained_learner_stays_beside_its_standing(tmp_path: Path) -> None:
    from quickstudy import evaluate, load

    ((_, standing, _),) = compete(tmp_path, {"ProtoNet": QUICK["ProtoNet"]}, small(), tasks=3)
    assert isinstance(standing, Standing)
    learner = load(tmp_path / "ProtoNet.safetensors")
    report = evaluate(learner, small().test, tasks=3, seed=0)
    assert report.scores == standing.report.scores
    support = small().test.sample(1)[0].support
    assert standing.report.state_bytes == bytes_of(learner(support).state)


def test_the_summary_is_ranked_and_paired(tmp_path: Path) -> None:
    budget = small()
    standings = [found for _, found, _ in compete(tmp_path, QUICK, budget, tasks=4) if isinstance(found, Standing)]
    found = summary(standings, settings_of(budget, 4, 0))
    rows: list[Mapping[str, Any]] = found["learners"]
    means = [row["accuracy"] for row in rows]
    assert means == sorted(means, reverse=True) and len(rows) == 3
    assert rows[0]["behind"] == 0 and all(row["behind"] == pytest.approx(row["accuracy"] - means[0]) for row in rows)
    json.dumps(found)


def test_names_choose_a_learner_with_its_variants() -> None:
    assert set(chosen(["MAML"])) == {"MAML", "MAML, first order"}
    assert set(chosen(None)) == set(CONTENDERS)
    with pytest.raises(RunError, match=r"no contender Mammal. Did you mean MAML\? There are: MAML"):
        chosen(["Mammal"])
