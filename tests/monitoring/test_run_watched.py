"""Runs that look at both levels while they train: training does not notice, and a resume goes on in the log as well."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from quickstudy import learners, recipes
from quickstudy.errors import LearnerError
from quickstudy.likelihood import Gaussian
from quickstudy.monitoring import History
from quickstudy.runs.looking import Validation
from quickstudy.runs.run import Run
from quickstudy.storage.artefact import read

ARGUMENTS = {"steps": 40, "batch": 2}


@pytest.fixture(autouse=True)
def dropping(monkeypatch: pytest.MonkeyPatch) -> None:
    """The recipe with dropout and norms, whose random numbers and statistics a careless probe would disturb."""
    original: Callable[..., recipes.Recipe] = recipes.maml

    @recipes.recipe()
    def maml(*, data: str = "sinusoid", steps: int = 40, batch: int = 2) -> recipes.Recipe:
        recipe = original(data=data, steps=steps, batch=batch)
        network = nn.Sequential(nn.Linear(1, 8), nn.BatchNorm1d(8), nn.Dropout(0.3), nn.Linear(8, 1))
        learner = learners.MetaSGD(network, inner_lr=0.01, likelihood=Gaussian())
        optimizer = torch.optim.Adam(learner.parameters(), 1e-2)
        return replace(recipe, learner=learner, optimizer=optimizer, schedule=None, validate_every=20, val_tasks=8)

    monkeypatch.setattr(recipes, "maml", maml)


def finish(folder: Path) -> list[Any]:
    return list(Run(folder, "maml", {"data": "sinusoid"} | ARGUMENTS).train())


def weights(folder: Path) -> list[torch.Tensor]:
    return read(folder / "training.safetensors", ("training",)).tensors


def timeless(folder: Path) -> list[dict[str, Any]]:
    return [{k: v for k, v in line.items() if k not in ("seconds", "probe_seconds")} for line in Run(folder).history()]


def test_training_does_not_notice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watched, alone = tmp_path / "watched", tmp_path / "alone"
    random = torch.get_rng_state()
    finish(watched)
    assert torch.equal(torch.get_rng_state(), random)
    monkeypatch.setattr("quickstudy.runs.looking._monitor", lambda recipe: None)
    finish(alone)
    assert all(torch.equal(a, b) for a, b in zip(weights(watched), weights(alone), strict=True))
    assert len(History.of(watched).probes) == 7 and not History.of(alone).probes
    scores = [[v.score for v in History.of(folder).validations] for folder in (watched, alone)]
    assert scores[0] == scores[1] and len(scores[0]) == 2


def test_what_a_run_looks_at(tmp_path: Path) -> None:
    found = finish(tmp_path)
    history = History.of(tmp_path)
    assert [probe.step for probe in history.probes] == [0, 8, 16, 20, 24, 32, 40] and history.done
    first, last = history.probes[0], history.probes[-1]
    assert last.train is not None and last.val is not None and (last.val.tasks, last.val.steps) == (8, (0, 1))
    reports = {item.step: item.report for item in found if isinstance(item, Validation)}
    assert last.val.adapted == pytest.approx(reports[40].mean, rel=1e-5), "eight tasks are all of this validation"
    assert last.gap is not None
    assert all(low == mean == high == pytest.approx(0.01) for low, mean, high in first.step_sizes.values())
    learned = {name for name, (_, mean, _) in last.step_sizes.items() if mean != pytest.approx(0.01)}
    assert learned == set(last.step_sizes) - {"0.bias"}, "a bias before a batch norm has no gradient"
    assert history.validations[0].best
    assert json.loads((tmp_path / "run.json").read_text())["steps"] == 40


def test_a_resumed_run_has_the_log_of_one_that_was_not_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    finish(whole)
    for stop in (7, 20, 31):
        with monkeypatch.context() as patched:
            patched.setattr("quickstudy.runs.keeping._SAVE_SECONDS", -1.0 if stop == 7 else 1e9)
            records = Run(parts, "maml", {"data": "sinusoid"} | ARGUMENTS).train()
            next(item for item in records if item.step == stop)
            records.close()  # type: ignore[attr-defined]
    with (parts / "log.jsonl").open("a") as log:
        log.write('{"step": 32, "adap')
    finish(parts)
    assert timeless(parts) == timeless(whole)
    assert all(torch.equal(a, b) for a, b in zip(weights(parts), weights(whole), strict=True))


def test_lines_are_there_at_once(tmp_path: Path) -> None:
    """So that another process sees each step when it is done."""
    records = Run(tmp_path, "maml", {"data": "sinusoid"} | ARGUMENTS).train()
    for number in (1, 2, 3):
        assert next(records).step == number
        assert History.of(tmp_path).step == number


def test_trouble_in_a_look_is_noted_and_training_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise LearnerError("these tasks cannot be looked at.")

    monkeypatch.setattr("quickstudy.monitoring.probe.adaptation_curve", refuse)
    finish(tmp_path)
    assert {probe.trouble for probe in History.of(tmp_path).probes} == {"these tasks cannot be looked at."}
    assert History.of(tmp_path).done
