"""Traditional against meta-learned: who needs how much, when it pays, and what the command line makes of it."""

import json
from dataclasses import replace
from typing import Any

import pytest
import torch

from quickstudy import evaluate, learners
from quickstudy.datasets.arrays import from_arrays
from quickstudy.datasets.class_index import Splits
from quickstudy.errors import LearnerError
from quickstudy.evaluation.contest import Contest, Contestant, Trained, evaluate_by_shots, reach, tasks_by_shots, tasks_to_pay
from quickstudy.likelihood import Gaussian
from quickstudy.nn.mlp import MLP
from quickstudy.recipes.parts.recipe import Recipe, by_adam
from quickstudy.recipes.parts.tasks import few_shot, sinusoids
from quickstudy.reports.report import Report
from quickstudy.runs.traditional import meta_trained, traditional
from quickstudy.tasks.few_shot import FewShot
from quickstudy.tasks.mixture import Mixture
from quickstudy.tasks.sinusoid import Sinusoid


def data(rows: int = 24) -> Splits:
    def split(seed: int) -> Any:
        generator = torch.Generator().manual_seed(seed)
        labels = torch.arange(8).repeat_interleave(rows)
        x = torch.randn(8, 5, generator=generator)[labels] + torch.randn(8 * rows, 5, generator=generator)
        return from_arrays(x, labels, name=f"toys{seed}")

    return Splits(split(0), split(1), split(2))


def recipe(shots: int = 2) -> Recipe:
    sizes = (4, shots, 5)
    return by_adam(learners.ProtoNet(MLP(5, (8,))), few_shot(data(), sizes, sizes, sizes), lr=1e-3, steps=10, batch=2)


def report(mean: float, seconds: float = 0.0) -> Report:
    scores = (mean - 0.1, mean + 0.1)
    return Report("A", "toys", "accuracy", True, scores, "d", 0, False, "none", seconds, 0)


def test_shots_reach_as_far_as_the_data() -> None:
    base, sources = tasks_by_shots(FewShot(data().test, 4, 3, 15))
    assert base == 3 and list(sources) == [1, 2, 3, 5, 10, 15]
    assert sources[15].name == "toys2 4-way 15-shot 6 queries", "a quarter of 24 rows are queries"
    base, sources = tasks_by_shots(FewShot(data().test, 4, 3, 15), queries=15)
    assert list(sources) == [1, 2, 3, 5]
    base, waves = tasks_by_shots(Sinusoid(7, 20, grid=True))
    assert base == 7 and list(waves) == [1, 2, 5, 7, 10, 15, 20, 50, 100] and waves[50].name == "sinusoid 50-shot 20 grid queries"
    with pytest.raises(LearnerError, match="no shots to vary"):
        tasks_by_shots(Mixture([Sinusoid()]))


def test_who_needs_how_many_and_when_it_pays() -> None:
    learned = Contestant("Meta", Trained(1000, 50, 100.0, ""), {1: report(0.6), 5: report(0.8, seconds=0.1)})
    slow = Contestant("Slow", Trained(0, 0, 0.0, ""), {1: report(0.3), 5: report(0.5, seconds=0.6), 10: report(0.85)})
    never = Contestant("Never", Trained(1000, 0, 30.0, ""), {1: report(0.3), 5: report(0.4, seconds=0.1), 20: report(0.7)})
    contest = Contest(learned, (slow, never), shots=5, labels=4)
    assert contest.needed(slow) == (10, True) and contest.needed(never) == (20, False)
    assert contest.pays_in_labels(slow) == 50  # 1000 labels for 5 shots of 4 classes a task
    assert contest.pays_in_seconds(slow) == 200  # 100 seconds for half a second a task
    assert contest.pays_in_labels(never) == 0, "it used as many labels"
    assert contest.pays_in_seconds(never) is None, "it adapts as fast"
    assert reach({1: report(0.9), 2: report(0.1)}, report(0.5)) == 1
    assert reach({1: replace(report(0.9), higher_is_better=False)}, replace(report(0.5), higher_is_better=False)) is None
    assert tasks_to_pay(10, 3) == 4 and tasks_to_pay(10, -1) is None and tasks_to_pay(0, 1) == 0
    found = contest.to_json()
    assert [row["shots_needed"] for row in found["baselines"]] == [10, 20] and json.dumps(found)
    assert found["baselines"][0]["difference"] == pytest.approx(-0.3)


def test_a_baseline_that_has_done_as_well_gets_no_more_examples() -> None:
    _, sources = tasks_by_shots(FewShot(data().test, 4, 2, 5))
    model = learners.NearestCentroid()
    whole = evaluate_by_shots(model, sources, tasks=20, seed=0)
    assert list(whole) == [1, 2, 5, 10, 15]
    again = evaluate_by_shots(model, sources, tasks=20, seed=0, until=whole, base=2)
    assert list(again) == [1, 2] and again[2].scores == whole[2].scores == evaluate(model, sources[2], tasks=20).scores
    far = {2: replace(whole[2], scores=(1.0, 1.0))}
    assert list(evaluate_by_shots(model, sources, tasks=5, seed=0, until=far, base=2)) == [1, 2, 5, 10, 15]


def test_the_baselines_suit_the_tasks_and_know_what_they_cost() -> None:
    baselines = traditional(recipe(), pretraining=3)
    assert list(baselines) == ["LogisticRegression", "FromScratch", "FineTune"]
    for name, make in baselines.items():
        learner, trained = make()
        found = evaluate(learner, recipe().test, tasks=1)
        assert 0 <= found.mean <= 1 and type(learner).__name__ == name
        assert (trained.examples, trained.seconds > 0) == ((192, True) if name == "FineTune" else (0, False))
    assert list(traditional(recipe(), pretraining=0)) == ["LogisticRegression", "FromScratch"]
    maml = by_adam(learners.MAML(MLP(1, (8,), outputs=1), likelihood=Gaussian()), sinusoids(5), lr=1e-3, steps=4, batch=3)
    (make,) = traditional(maml, pretraining=3).values()
    assert evaluate(make()[0], maml.test, tasks=1).metric == "mse"
    assert meta_trained(maml, 4, 9.0).examples == 4 * 3 * 15
    assert meta_trained(recipe(), 10, 9.0).examples == min(192, 10 * 2 * 28) and meta_trained(recipe(), 10, 9.0).tasks == 20


def test_the_same_seed_gives_the_same_baselines() -> None:
    tuned = [traditional(recipe(), pretraining=2, seed=1)["FineTune"]()[0] for _ in range(2)]
    scores = [evaluate(learner, recipe().test, tasks=4).scores for learner in tuned]
    assert scores[0] == scores[1]
