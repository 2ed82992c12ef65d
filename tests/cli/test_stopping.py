"""Ctrl-C and SIGTERM on a real training process: it saves, says how to go on, and goes on as if nothing had happened."""

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from quickstudy.cli.stopping import until_stopped
from quickstudy.runs.run import Run
from quickstudy.storage.artefact import read

SHELL = Path(sys.executable).parent / "quickstudy"
CALL = {"steps": 100_000, "batch": 2, "shots": 5}
PATIENCE = 240


def start(*words: object) -> subprocess.Popen[str]:
    call = [str(SHELL), *map(str, words)]
    return subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)


def until_step(folder: Path, step: int, process: subprocess.Popen[str]) -> None:
    """Waits for so many lines in the log."""
    log, ends = folder / "log.jsonl", time.monotonic() + PATIENCE
    while not log.exists() or log.read_bytes().count(b"\n") <= step:
        assert process.poll() is None and time.monotonic() < ends, process.communicate()
        time.sleep(0.05)


def stopped(process: subprocess.Popen[str], number: int) -> str:
    """What it says on a signal to itself and all it has started, as a terminal sends it."""
    os.killpg(process.pid, number)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 128 + number, err
    assert "Traceback" not in err
    return err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_training_is_saved_and_says_how_to_go_on(number: int, tmp_path: Path) -> None:
    folder = tmp_path / "a run"
    flags = [word for name, value in CALL.items() for word in (f"--{name}", value)]
    process = start("train", "maml", "--data", "sinusoid", *flags, "--seed", 3, "--out", folder)
    until_step(folder, 5, process)
    err = stopped(process, number)
    assert f"resume it with: {shlex.join(['quickstudy', 'resume', str(folder)])}" in err
    steps = [line["step"] for line in Run(folder).history() if "loss" in line]
    found = read(folder / "training.safetensors", ("training",))
    assert found.description["step"] == steps[-1] == len(steps), "no step is lost"
    same = Run(tmp_path / "same", "maml", {"data": "sinusoid"} | CALL, seed=3)
    records = same.train()
    next(record for record in records if record.step == steps[-1])
    records.close()
    known = read(same.folder / "training.safetensors", ("training",))
    pairs = zip(found.tensors, known.tensors, strict=True)
    assert found.description["step"] == known.description["step"] and all(torch.equal(a, b) for a, b in pairs)


def test_what_is_no_training_only_stops(tmp_path: Path) -> None:
    process = start("demo", "--out", tmp_path / "report.html")
    assert process.stdout is not None and "Glyphs" in process.stdout.readline()
    err = stopped(process, signal.SIGINT)
    assert err.split() == ["quickstudy:", "stopped"]
    assert not (tmp_path / "report.html").exists()


def test_the_step_in_progress_is_finished_and_a_second_signal_does_not_wait() -> None:
    done, before = [], signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt) as first, until_stopped("resume RUN") as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        done.append("step")
        assert stop
    assert done == ["step"] and first.value.args == (signal.SIGTERM,)
    assert first.value.__notes__ == ["resume it with: resume RUN"]
    with pytest.raises(KeyboardInterrupt) as second, until_stopped("resume RUN"):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        done.append("never")
    assert done == ["step"] and second.value.args == (signal.SIGINT,)
    assert signal.getsignal(signal.SIGINT) is before
