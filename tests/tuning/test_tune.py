"""Tuning: what is proposed, evaluated, stopped and told; meta-test tasks are never touched."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
import torch
from torch import nn

from quickstudy.datasets.arrays import from_arrays
from quickstudy.errors import MissingExtra, RunError
from quickstudy.learners.metric.proto import ProtoNet
from quickstudy.recipes.maml import maml
from quickstudy.recipes.parts.recipe import Recipe, by_adam
from quickstudy.recipes.parts.space import Choice, Linear, Log
from quickstudy.recipes.parts.tasks import Tasks
from quickstudy.reports.tuned import Trial, Tuned
from quickstudy.runs.looking import Validation
from quickstudy.runs.run import Run
from quickstudy.tasks.few_shot import FewShot
from quickstudy.tuning import by_hyperband, never, tune
from quickstudy.tuning.loop import importances
from tuning.toy import Untouchable, as_another_opens_it, line


def test_meta_test_tasks_are_never_touched(tmp_path: Path) -> None:
    recipe = line()
    with pytest.raises(AssertionError, match="meta-test tasks were asked for plan"):
        recipe.test.plan(1)
    found = tune(line, folder=tmp_path, trials=3, validations=2)
    assert [trial.state for trial in found.trials] == ["complete"] * 3
    assert all(len(trial.validations) == 2 for trial in found.trials)


def test_the_first_trial_is_the_recipe_and_the_best_has_the_lowest_error(tmp_path: Path) -> None:
    found = tune(line, folder=tmp_path, trials=5, pruning=never, seed=1)
    assert found.trials[0].arguments == {"inner_lr": 1e-2, "lr": 1e-3}
    assert len({tuple(trial.arguments.values()) for trial in found.trials}) == 5
    scores = [min(mean for _, mean, _, _ in trial.validations) for trial in found.trials]
    assert [trial.score for trial in found.trials] == scores and found.best.score == min(scores)
    assert found.metric == "mse" and not found.higher_is_better and set(found.importances) == {"inner_lr", "lr"}
    assert sum(found.importances.values()) == pytest.approx(1)


def classes(*, scale: float = 1.0, lr: float = 1e-3, steps: int = 2) -> Recipe:
    """Three far classes."""
    index = from_arrays(torch.randn(30, 4) + 9 * torch.eye(4)[torch.arange(30) % 3], torch.arange(30) % 3)
    source = FewShot(index, 3, 1, 2)
    learner = ProtoNet(nn.Linear(4, 2), scale=scale)
    return by_adam(learner, Tasks(source, source, Untouchable()), lr=lr, steps=steps, val_tasks=6)  # type: ignore[arg-type]


def test_accuracy_is_maximised(tmp_path: Path) -> None:
    found = tune(classes, folder=tmp_path, trials=4, space={"lr": Log(1e-3, 1.0)}, validations=1, pruning=never)
    assert found.metric == "accuracy" and found.higher_is_better
    assert found.best.score == max(trial.score or 0.0 for trial in found.trials)


def test_the_command_trains_the_best_trial_again_bit_for_bit(tmp_path: Path) -> None:
    fixed = {"data": "sinusoid", "steps": 6, "batch": 2}
    found = tune(maml, folder=tmp_path / "study", trials=2, fixed=fixed, only=["lr", "inner_lr"], seed=5, validations=3)
    run = Run(tmp_path / "run", "maml", found.arguments, seed=5)
    *_, last = (record for record in run.train() if isinstance(record, Validation))
    assert (last.step, last.report.mean, *last.report.interval) == found.best.validations[-1]


def test_values_are_short_and_inside(tmp_path: Path) -> None:
    space = {"lr": Log(1.23456e-3, 1.23457e-3), "steps": Linear(2, 5), "batch": Choice((1, 2))}
    found = tune(line, folder=tmp_path, trials=6, space=space, validations=1, pruning=never)
    for trial in found.trials:
        assert 1.23456e-3 <= trial.arguments["lr"] <= 1.23457e-3
        assert trial.arguments["steps"] in range(2, 6) or trial.number == 0
        assert float(f"{trial.arguments['inner_lr']:.4g}") == trial.arguments["inner_lr"]
    assert {trial.arguments["batch"] for trial in found.trials} == {1, 2}


def test_a_trial_that_diverges_fails_and_the_search_goes_on(tmp_path: Path) -> None:
    space = {"inner_lr": Choice((1e-2, 1e30))}
    found = tune(line, folder=tmp_path, trials=6, space=space, only=["inner_lr"], validations=1, pruning=never)
    states = {trial.arguments["inner_lr"]: trial.state for trial in found.trials}
    assert states == {1e-2: "complete", 1e30: "failed"}
    assert all("Lower the learning rates" in trial.note for trial in found.trials if trial.state == "failed")


def test_if_all_fail_the_reason_is_told(tmp_path: Path) -> None:
    found = tune(line, folder=tmp_path, trials=2, fixed={"inner_lr": 1e30}, validations=1)
    with pytest.raises(RunError, match=r"none of 2 trials of line is complete \(step 1: the loss is .*\)\. Allow more"):
        _ = found.best


@pytest.mark.parametrize("hyperband", [False, True])
def test_trials_that_do_worse_are_stopped_early(tmp_path: Path, hyperband: bool) -> None:
    def bad_or_good(*, lr: float = 1e-2, steps: int = 27, drift: float = 0.0) -> Recipe:
        recipe = line(steps=steps, lr=lr, inner_lr=1e-2)
        with torch.no_grad():
            next(recipe.learner.parameters()).fill_(drift)
        return recipe

    pruning = {"pruning": by_hyperband} if hyperband else {}
    space = {"drift": Linear(0.0, 100.0)}
    found = tune(bad_or_good, folder=tmp_path, trials=9, space=space, validations=9, **pruning)  # type: ignore[arg-type]
    stopped = [trial for trial in found.trials if trial.state == "pruned"]
    assert stopped and all(len(trial.validations) < 9 and "others did better" in trial.note for trial in stopped)
    assert all(len(trial.validations) == 9 for trial in found.ranked)
    assert min(trial.arguments["drift"] for trial in stopped) > found.best.arguments["drift"]


def test_the_same_call_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """And the search is a function of its seed: what was proposed after the break is what would have been without it."""
    half = tune(line, folder=tmp_path / "a", trials=3, validations=1, pruning=never)
    whole = tune(line, folder=tmp_path / "a", trials=8, validations=1, pruning=never)
    once = tune(line, folder=tmp_path / "b", trials=8, validations=1, pruning=never)
    assert whole.trials[:3] == half.trials and len(whole.trials) == 8
    assert [trial.arguments for trial in whole.trials] == [trial.arguments for trial in once.trials]
    assert [trial.score for trial in whole.trials] == [trial.score for trial in once.trials]


def test_interrupted_the_trial_is_tried_again(tmp_path: Path) -> None:
    def stop(trial: Trial) -> None:
        if trial.number == 2 and trial.validations:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tune(line, folder=tmp_path, trials=4, validations=4, watch=stop)
    found = tune(line, folder=tmp_path, trials=4, validations=4, pruning=never)
    assert [trial.state for trial in found.trials] == ["complete", "complete", "lost", "complete", "complete"]
    assert found.trials[3].arguments == found.trials[2].arguments
    assert not list(tmp_path.glob(".worker-*"))


def test_a_defect_is_not_swallowed(tmp_path: Path) -> None:
    def broken(trial: Trial) -> None:
        raise ValueError("a defect")

    for _ in range(4):
        with pytest.raises(ValueError, match="a defect"):
            tune(line, folder=tmp_path, trials=1, validations=1, watch=broken)
    found = tune(line, folder=tmp_path, trials=1, validations=1)
    assert [trial.state for trial in found.trials].count("lost") >= 3, "a trial that always dies is given up after three times"


def test_a_trial_that_others_took_is_left_to_them(tmp_path: Path) -> None:
    """As after a machine slept: our trial was declared dead, and another process has it."""

    def take(trial: Trial) -> None:
        if trial.number == 1 and len(trial.validations) == 1:
            as_another_opens_it(tmp_path).tell(1, state=optuna.trial.TrialState.FAIL)

    found = tune(line, folder=tmp_path, trials=3, validations=4, watch=take, pruning=never)
    assert [trial.state for trial in found.trials] == ["complete", "lost", "complete", "complete"]


def test_a_data_base_that_is_lost_on_the_way_is_told(tmp_path: Path) -> None:
    def lose(trial: Trial) -> None:
        if trial.number == 1 and trial.state == "running":
            (tmp_path / "study.db").unlink(missing_ok=True)
            (tmp_path / "study.db").write_bytes(b"no data base" * 100)

    with pytest.raises(RunError, match="cannot be opened or written"):
        tune(line, folder=tmp_path, trials=3, validations=2, watch=lose)


def test_time_ends_the_search(tmp_path: Path) -> None:
    assert tune(line, folder=tmp_path, trials=3, minutes=0).trials == ()


def test_another_search_in_the_same_study_is_refused(tmp_path: Path) -> None:
    tune(line, folder=tmp_path, trials=1, validations=1)
    for change in ({"fixed": {"steps": 4}}, {"only": ["lr"]}, {"seed": 1}, {"space": {"lr": Log(1e-3, 1e-2)}}):
        with pytest.raises(RunError, match=r"is of line\(inner_lr in .*, minimized, not line\(.*Give another name"):
            tune(line, folder=tmp_path, trials=1, validations=1, **change)  # type: ignore[arg-type]
    assert tune(line, folder=tmp_path, trials=1, validations=1, only=["lr"], name="other").trials[0].arguments == {"lr": 1e-3}


def untested(*, lr: float = 1.0) -> Recipe:
    """No meta-validation tasks."""
    recipe = line()
    return Recipe(recipe.learner, recipe.train, None, recipe.test, recipe.optimizer, 1, 1)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"trials": 0}, "must be 1 or more"),
    ({"fixed": {"nonsense": 1}}, "has no argument nonsense. It has: steps, batch, inner_lr, lr"),
    ({"only": ["nonsense"]}, "has no argument nonsense"),
    ({"only": ["batch"]}, "has no range for batch"),
    ({"only": ["lr"], "fixed": {"lr": 1.0}}, "both fixed and tuned"),
    ({"fixed": {"lr": 1.0, "inner_lr": 1.0}}, "nothing left to tune"),
    ({"study": "nonsense"}, "cannot be opened"),
    ({"study": "postgresql://me:secret@localhost:1/x"}, "cannot be opened"),
    ({"study": "sqlite:////nowhere/study.db"}, "unable to open"),
]


@pytest.mark.parametrize(("change", "reason"), WRONG, ids=[reason for _, reason in WRONG])
def test_wrong_calls_are_refused_with_the_reason(tmp_path: Path, change: dict[str, Any], reason: str) -> None:
    with pytest.raises(RunError, match=reason) as refused:
        tune(line, folder=tmp_path, **change)
    assert "secret" not in str(refused.value)


def test_a_recipe_without_validation_a_damaged_file_and_a_file_for_a_folder(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="untested has no meta-validation tasks"):
        tune(untested, folder=tmp_path, space={"lr": Log(0.1, 1.0)})
    (tmp_path / "study.db").write_bytes(b"no data base" * 100)
    with pytest.raises(RunError, match="cannot be opened"):
        tune(line, folder=tmp_path)
    with pytest.raises(RunError, match="cannot be written to"):
        tune(line, folder=tmp_path / "study.db")


@pytest.fixture
def no_optuna(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(sys.modules, "optuna", None)
    yield


def test_without_optuna_one_sentence_mends_it(tmp_path: Path, no_optuna: None) -> None:
    with pytest.raises(MissingExtra, match=r'pip install "quickstudy\[tune\]"'):
        tune(line, folder=tmp_path)


def test_importance_finds_the_argument_that_matters() -> None:
    """The score depends on the logarithm of one of two; on the plain scale most of that would be hidden at the low end."""
    numbers = torch.rand(60, 2, generator=torch.Generator().manual_seed(0)).tolist()
    trials = [
        Trial(n, {"lr": 10 ** (-4 + 3 * a), "other": b}, "complete", score=10.0 ** (2 * a) + 0.01 * b)
        for n, (a, b) in enumerate(numbers)
    ]
    space = {"lr": Log(1e-4, 1e-1), "other": Linear(0.0, 1.0)}
    found = importances(trials, space, by_ratio=True)
    assert list(found) == ["lr", "other"] and found["lr"] > 0.95
    assert importances(trials[:4], space, by_ratio=True) == {}


def test_a_result_survives_the_disk(tmp_path: Path) -> None:
    found = tune(line, folder=tmp_path, trials=2, validations=1)
    found.save(tmp_path / "tuning.json")
    assert Tuned.load(tmp_path / "tuning.json") == found
