"""Killed at any moment, in a step, in a look, inside a save: the run goes on bit for bit, and nothing is left lying about."""

import json
import os
import random
import select
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from quickstudy.runs import keeping
from quickstudy.runs.run import Run
from quickstudy.storage import files
from quickstudy.storage.artefact import read

pytestmark = pytest.mark.skipif(
    torch.version.cuda is not None, reason="a process forked after a backward pass cannot train with a build of PyTorch for GPUs"
)
ARGUMENTS = {"steps": 60, "batch": 2}
SETTLED = {".lock", "best.safetensors", "log.jsonl", "run.json", "training.safetensors"}


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Saves after nearly every step."""
    torch.set_num_threads(1)
    monkeypatch.setattr(keeping, "_SAVE_SECONDS", 0.005)


def finish(folder: Path) -> None:
    for _ in Run(folder, "maml", {"data": "sinusoid"} | ARGUMENTS).train():
        pass


def state(folder: Path) -> tuple[list[torch.Tensor], list[dict[str, Any]]]:
    tensors = read(folder / "training.safetensors", ("training",)).tensors
    tensors += read(folder / "best.safetensors", ("learner",)).tensors
    timed = ("seconds", "probe_seconds")
    return tensors, [{k: v for k, v in line.items() if k not in timed} for line in Run(folder).history()]


def same(folder: Path, whole: Path) -> None:
    (tensors, log), (others, other_log) = state(folder), state(whole)
    assert all(torch.equal(a, b) for a, b in zip(tensors, others, strict=True))
    assert json.dumps(log) == json.dumps(other_log)
    assert {path.name for path in folder.iterdir()} == SETTLED


def child(work: Callable[[int], None]) -> tuple[int, int]:
    """A process that does the work, and a pipe that says when it has begun."""
    ear, mouth = os.pipe()
    process = os.fork()
    if process == 0:
        status = 1
        try:
            os.close(ear)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            work(mouth)
            status = 0
        finally:
            os._exit(status)
    os.close(mouth)
    return process, ear


def train(folder: Path, mouth: int) -> None:
    for record in Run(folder, "maml", {"data": "sinusoid"} | ARGUMENTS).train():
        if record.step % 2:
            os.write(mouth, b".")


def killed(folder: Path, rng: random.Random) -> bool:
    """One training, killed at a random moment after a random step; whether that came before its end."""
    process, ear = child(lambda mouth: train(folder, mouth))
    for _ in range(rng.randrange(1, 6)):
        if not os.read(ear, 1):
            break
    select.select([], [], [], rng.random() * 0.02)
    os.kill(process, signal.SIGKILL)
    os.close(ear)
    return os.WIFSIGNALED(os.waitpid(process, 0)[1])


@pytest.mark.parametrize("kills", [6, pytest.param(100, marks=pytest.mark.slow)])
def test_a_training_killed_at_random_moments(tmp_path: Path, kills: int) -> None:
    finish(tmp_path / "whole")
    rng, done, number = random.Random(0), 0, 0
    while done < kills:
        folder = tmp_path / f"cut{number}"
        while killed(folder, rng):
            done += 1
            if done >= kills:
                break
        finish(folder)
        same(folder, tmp_path / "whole")
        number += 1


STAGES = ("opened", "half written", "written", "synced", "replaced")


def broken(stage: str, nth: int) -> None:
    """Kills this process in its n-th write of a file, at that stage."""
    count = 0

    def reached(now: str) -> None:
        nonlocal count
        count += now == stage
        if now == stage and count == nth:
            os.kill(os.getpid(), signal.SIGKILL)

    part, opened, sync, replace = files._part, os.fdopen, os.fsync, Path.replace

    def parted(path: Path) -> Any:
        found = part(path)
        reached("opened")
        return found

    class Half:
        def __init__(self, file: Any) -> None:
            self.file = file

        def __enter__(self) -> "Half":
            return self

        def __exit__(self, *reason: object) -> None:
            self.file.close()

        def write(self, content: bytes) -> None:
            self.file.write(content[: len(content) // 2])
            self.file.flush()
            reached("half written")
            self.file.write(content[len(content) // 2 :])

        def flush(self) -> None:
            self.file.flush()
            reached("written")

        def fileno(self) -> int:
            return int(self.file.fileno())

    def synced(handle: int) -> None:
        sync(handle)
        reached("synced")

    def replaced(self: Path, target: Path) -> Path:
        found = replace(self, target)
        reached("replaced")
        return found

    files._part = parted  # type: ignore[assignment]
    os.fdopen = lambda handle, mode="r", *more, **rest: (  # type: ignore[assignment]
        Half(opened(handle, mode)) if mode == "wb" else opened(handle, mode, *more, **rest)
    )
    os.fsync = synced
    Path.replace = replaced  # type: ignore[method-assign,assignment]


@pytest.mark.parametrize("count", [1, pytest.param(8, marks=pytest.mark.slow)])
@pytest.mark.parametrize("stage", STAGES)
def test_a_training_killed_inside_a_save(tmp_path: Path, stage: str, count: int) -> None:
    """In the first, second, third … of its writes: the record, the log, the state, the learner."""
    finish(tmp_path / "whole")
    folder = tmp_path / "cut"
    for nth in range(1, count + 1) if count > 1 else (4,):

        def work(mouth: int, nth: int = nth) -> None:
            broken(stage, nth)
            train(folder, mouth)

        process, ear = child(work)
        while os.read(ear, 100):
            pass
        os.close(ear)
        assert os.WIFSIGNALED(os.waitpid(process, 0)[1]), "it was not killed"
    finish(folder)
    same(folder, tmp_path / "whole")
