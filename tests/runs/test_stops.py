"""Stopped by Ctrl-C, a signal, a closed generator or a full disk: what is done is saved, and the run goes on bit for bit."""

import json
import logging
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from quickstudy import recipes
from quickstudy.errors import RunError
from quickstudy.runs.keeping import stops_wait
from quickstudy.runs.looking import Validation
from quickstudy.runs.run import Run
from quickstudy.storage.artefact import read

ARGUMENTS = {"steps": 12, "batch": 2}
Hook = Callable[[str, int], None]


@pytest.fixture
def hooked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Hook]]:
    """A recipe that calls a hook in the middle of each step and of each validation, which come after steps 5, 10 and 12."""
    hooks: list[Hook] = []
    original: Callable[..., recipes.Recipe] = recipes.maml

    @recipes.recipe()
    def maml(*, data: str = "sinusoid", steps: int = 12, batch: int = 2) -> recipes.Recipe:
        recipe = replace(original(data=data, steps=steps, batch=batch), validate_every=5, val_tasks=4)
        learner, done = recipe.learner, [0]
        advance, validated = learner.advance, type(recipe).validated

        def advanced() -> None:
            done[0] += 1
            advance()
            for hook in hooks:
                hook("step", done[0])

        class Hooked(recipes.Recipe):
            def validated(self) -> Any:
                for hook in hooks:
                    hook("validation", done[0])
                return validated(recipe)

        learner.advance = advanced  # type: ignore[method-assign]
        parts = {name: getattr(recipe, name) for name in recipe.__dataclass_fields__}
        return Hooked(**parts)

    monkeypatch.setattr(recipes, "maml", maml)
    yield hooks


def run(folder: Path) -> Run:
    return Run(folder, "maml", {"data": "sinusoid"} | ARGUMENTS)


def state(folder: Path) -> tuple[list[torch.Tensor], list[torch.Tensor], list[dict[str, Any]]]:
    timed = ("seconds", "probe_seconds")
    log = [{k: v for k, v in line.items() if k not in timed} for line in Run(folder).history()]
    return (
        read(folder / "training.safetensors", ("training",)).tensors,
        read(folder / "best.safetensors", ("learner",)).tensors,
        log,
    )


def alike(a: Path, b: Path) -> None:
    (training, best, log), (others, other_best, other_log) = state(a), state(b)
    assert all(torch.equal(x, y) for x, y in zip(training, others, strict=True))
    assert all(torch.equal(x, y) for x, y in zip(best, other_best, strict=True))
    assert log == other_log


def saved_step(folder: Path) -> int:
    found: int = read(folder / "training.safetensors", ("training",)).description["step"]
    return found


@pytest.fixture
def whole(tmp_path: Path, hooked: list[Hook]) -> Path:
    torch.set_num_threads(1)
    list(run(tmp_path / "whole").train())
    return tmp_path / "whole"


def test_ctrl_c_in_a_step_waits_for_its_end_and_saves(whole: Path, hooked: list[Hook], tmp_path: Path) -> None:
    hooked.append(lambda where, step: os.kill(os.getpid(), signal.SIGINT) if (where, step) == ("step", 3) else None)
    with pytest.raises(KeyboardInterrupt):
        list(run(tmp_path / "cut").train())
    assert saved_step(tmp_path / "cut") == 3
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    hooked.clear()
    first = next(run(tmp_path / "cut").train())
    assert first.step == 4
    list(run(tmp_path / "cut").train())
    alike(tmp_path / "cut", whole)


@pytest.mark.parametrize("step", [5, 10, 12])
def test_ctrl_c_in_a_validation_has_it_done_again(whole: Path, hooked: list[Hook], tmp_path: Path, step: int) -> None:
    def stop(where: str, done: int) -> None:
        if where == "validation" and done == step:
            raise KeyboardInterrupt

    hooked.append(stop)
    with pytest.raises(KeyboardInterrupt):
        list(run(tmp_path / "cut").train())
    assert saved_step(tmp_path / "cut") == step
    hooked.clear()
    first = next(run(tmp_path / "cut").train())
    assert isinstance(first, Validation) and first.step == step
    list(run(tmp_path / "cut").train())
    alike(tmp_path / "cut", whole)


def test_a_closed_generator_has_saved_wherever_it_stood(whole: Path, tmp_path: Path) -> None:
    """After each of its items in turn, all in one run."""
    cut = tmp_path / "cut"
    for _ in range(40):
        records = run(cut).train()
        if next(records, None) is None:
            break
        records.close()
    alike(cut, whole)


def test_a_signal_that_would_kill_is_delivered_after_the_save(whole: Path, hooked: list[Hook], tmp_path: Path) -> None:
    def leave(number: int, frame: object) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    hooked.append(lambda where, step: os.kill(os.getpid(), signal.SIGTERM) if (where, step) == ("step", 7) else None)
    try:
        with pytest.raises(SystemExit) as left:
            list(run(tmp_path / "cut").train())
        assert left.value.code == 143 and signal.getsignal(signal.SIGTERM) is leave
    finally:
        signal.signal(signal.SIGTERM, before)
    assert saved_step(tmp_path / "cut") == 7
    hooked.clear()
    list(run(tmp_path / "cut").train())
    alike(tmp_path / "cut", whole)


def test_a_second_signal_does_not_wait() -> None:
    saved: list[int] = []
    with pytest.raises(KeyboardInterrupt), stops_wait(lambda: saved.append(1), signal.SIGINT):
        os.kill(os.getpid(), signal.SIGINT)
        reached = True
        os.kill(os.getpid(), signal.SIGINT)
        reached = False
    assert reached and saved == [] and signal.getsignal(signal.SIGINT) is signal.default_int_handler


class Full:
    """A log on a disk that takes so many lines."""

    def __init__(self, path: Path, lines: int) -> None:
        self.path, self.left = path, lines

    def __enter__(self) -> "Full":
        return self

    def __exit__(self, *reason: object) -> None:
        return None

    def write(self, text: str) -> None:
        self.left -= 1
        if self.left < 0:
            raise OSError(28, "No space left on device")
        with self.path.open("a") as file:
            file.write(text)


def test_a_full_disk_is_a_sentence_and_the_state_stays_whole(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut = tmp_path / "cut"
    records = run(cut).train()
    next(record for record in records if record.step == 4)
    records.close()
    with monkeypatch.context() as patched:
        patched.setattr("quickstudy.runs.run.appending", lambda path: Full(path, 2))
        with pytest.raises(RunError, match=r"log\.jsonl cannot be written \(No space left on device\).*quickstudy resume "):
            list(run(cut).train())
    assert saved_step(cut) == 5, "its line was written, that of the probe was not"
    list(run(cut).train())
    alike(cut, whole)

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    shutil.copytree(whole, tmp_path / "other")
    (tmp_path / "other" / "training.safetensors").unlink()
    records = run(tmp_path / "other").train()
    next(records)
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(RunError, match=r"No space left on device.*unchanged.*Then go on with: quickstudy resume "):
            records.close()
    assert not list((tmp_path / "other").glob("*.part"))


def test_one_damaged_line_costs_that_line_alone(whole: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cut = tmp_path / "cut"
    records = run(cut).train()
    next(record for record in records if record.step == 9)
    records.close()
    lines = (cut / "log.jsonl").read_bytes().splitlines(keepends=True)
    number = next(n for n, line in enumerate(lines) if json.loads(line)["step"] == 3)
    lines[number] = b'{"step": 3, \x00\xff\r garbage}\n'
    (cut / "log.jsonl").write_bytes(b"".join(lines))
    with caplog.at_level(logging.WARNING):
        list(run(cut).train())
    assert "damaged lines: 1; steps without a line: 1 of 9. What is whole is kept" in caplog.text
    steps = [line["step"] for line in Run(cut).history() if "loss" in line]
    assert steps == [1, 2, *range(4, 13)]
    assert lines[number] in (cut / "log.jsonl").read_bytes(), "what is damaged is not thrown away"
    (training, best, _), (others, other_best, _) = state(cut), state(whole)
    assert all(torch.equal(x, y) for x, y in zip(training + best, others + other_best, strict=True))
