"""Runs: killed at any moment and resumed bit for bit, one process at a time, early stopping on validation."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from quickstudy.errors import RunError
from quickstudy.runs.looking import Validation
from quickstudy.runs.run import Run
from quickstudy.storage.artefact import read
from quickstudy.train import Record

ARGUMENTS = {"steps": 400, "batch": 4}
SCRIPT = """
import sys, torch
torch.set_num_threads(1)
import quickstudy.runs.run as run
import quickstudy.runs.keeping as keeping
keeping._SAVE_SECONDS = 0.05
for record in run.Run(sys.argv[1], "maml", {"data": "sinusoid", "steps": 400, "batch": 4}).train():
    print(record.step, flush=True)
"""


def _weights(folder: Path) -> list[torch.Tensor]:
    return read(folder / "training.safetensors", ("training",)).tensors


def _finish(folder: Path) -> list[Record | Validation]:
    return list(Run(folder, "maml", {"data": "sinusoid"} | ARGUMENTS).train())


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    torch.set_num_threads(1)
    _finish(folder)
    return folder


def _losses(folder: Path) -> list[tuple[int, float]]:
    return [(line["step"], line["loss"]) for line in Run(folder).history() if "loss" in line]


def test_killed_and_resumed_bit_for_bit(whole: Path, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    kills = 0
    for stop in (30, 150, 290):
        process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= stop:
                process.send_signal(signal.SIGKILL)
                break
        process.stdout.close()
        kills += process.wait() == -signal.SIGKILL
    assert kills == 3
    resumed = _finish(tmp_path)
    assert resumed[0].step > 1, "the run started over instead of going on"
    assert all(torch.equal(a, b) for a, b in zip(_weights(tmp_path), _weights(whole), strict=True))
    assert _losses(tmp_path) == _losses(whole)
    best = [read(folder / "best.safetensors", ("learner",)).tensors for folder in (tmp_path, whole)]
    assert all(torch.equal(a, b) for a, b in zip(*best, strict=True))


def test_half_a_log_line_is_cut_off(whole: Path) -> None:
    before = _losses(whole)
    with (whole / "log.jsonl").open("a") as log:
        log.write('{"step": 401, "lo')
    assert _losses(whole) == before
    assert _finish(whole) == []
    assert _losses(whole) == before


def test_another_process_in_the_folder_is_named(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None and process.stdout.readline()
        os.kill(process.pid, signal.SIGSTOP)
        with pytest.raises(RunError, match="another process is training"):
            _finish(tmp_path)
    finally:
        process.kill()
        process.communicate()


def test_other_arguments_need_another_folder(whole: Path) -> None:
    with pytest.raises(RunError, match=r"batch=4\) with seed 0, not .*batch=5\) with seed 0.*Choose another folder\."):
        Run(whole, "maml", {"data": "sinusoid", "steps": 400, "batch": 5})


def test_unknown_recipes_and_empty_folders(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no recipe 'nonsense'. There are: .*maml"):
        Run(tmp_path, "nonsense")
    with pytest.raises(RunError, match="holds no run"):
        Run(tmp_path)
    with pytest.raises(RunError, match="no trained learner yet"):
        Run(tmp_path, "maml").learner()
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(RunError, match="damaged"):
        Run(tmp_path)


def test_run_records_its_call_and_versions(whole: Path) -> None:
    found = json.loads((whole / "run.json").read_text())
    assert (found["recipe"], found["arguments"], found["seed"]) == ("maml", {"data": "sinusoid"} | ARGUMENTS, 0)
    assert found["versions"]["torch"] == torch.__version__


def test_seeds_decide(tmp_path: Path) -> None:
    ends = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        list(Run(tmp_path / name, "maml", {"data": "sinusoid", "steps": 3, "batch": 2}, seed).train())
        ends.append(_weights(tmp_path / name))
    same = [all(torch.equal(a, b) for a, b in zip(ends[0], other, strict=True)) for other in ends[1:]]
    assert same == [True, False]


def test_early_stopping_looks_at_validation_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    from quickstudy import recipes

    original = recipes.maml

    @recipes.recipe()
    def stubborn(*, data: str = "sinusoid", steps: int = 100, batch: int = 2) -> recipes.Recipe:
        recipe = original(data=data, steps=steps, batch=batch)
        for group in recipe.optimizer.param_groups:
            group["lr"] = 0.0
        return replace(recipe, schedule=None, validate_every=5, val_tasks=4, patience=2, test=None)  # type: ignore[arg-type]

    monkeypatch.setattr(recipes, "maml", stubborn)
    found = list(Run(tmp_path, "maml", {"data": "sinusoid", "steps": 100, "batch": 2}).train())
    validations = [item for item in found if isinstance(item, Validation)]
    assert [v.best for v in validations] == [True, False, False]
    assert max(item.step for item in found) == 15


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be written to"):
        list(Run(tmp_path / "file" / "run", "maml", {"data": "sinusoid"} | ARGUMENTS).train())


def test_time_saves_between_validations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quickstudy.runs.keeping._SAVE_SECONDS", -1.0)
    records = Run(tmp_path, "maml", {"data": "sinusoid"} | ARGUMENTS).train()
    for _ in range(3):
        next(records)
    records.close()
    assert read(tmp_path / "training.safetensors", ("training",)).description["step"] == 3
