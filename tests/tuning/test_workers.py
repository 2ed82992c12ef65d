"""Processes that share a study or are killed, and the command line that starts them."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from quickstudy.reports.tuned import Tuned
from quickstudy.runs.run import Run
from quickstudy.tuning import never, tune
from tuning.toy import as_another_opens_it, line

HERE = Path(__file__).parents[1]
SCRIPT = """
import sys, torch
torch.set_num_threads(1)
from quickstudy.tuning import never, tune
from tuning.toy import line
print("ready", flush=True)
sys.stdin.readline()
def tell(trial):
    print(trial.number, trial.state, len(trial.validations), flush=True)
tune(line, folder=sys.argv[1], trials=int(sys.argv[2]), fixed={"steps": 24}, validations=4, pruning=never, watch=tell)
"""


def process(folder: Path, trials: int) -> subprocess.Popen[str]:
    found = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(folder), str(trials)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(HERE)},
    )
    assert found.stdout is not None and found.stdout.readline() == "ready\n"
    return found


def owners(folder: Path) -> list[str]:
    return [trial.user_attrs["worker"] for trial in as_another_opens_it(folder).trials if "arguments" in trial.user_attrs]


def test_two_processes_share_one_study_and_a_killed_one_is_replaced(tmp_path: Path) -> None:
    first, second = process(tmp_path, 6), process(tmp_path, 6)
    for each in (first, second):
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    assert first.stdout is not None
    killed = -1
    for told in first.stdout:
        number, state, validations = told.split()
        if state == "running" and int(validations) == 2:
            killed = int(number)
            first.send_signal(signal.SIGKILL)
            break
    first.stdout.close()
    first.communicate()
    _, errors = second.communicate(timeout=300)
    assert second.returncode == 0, errors
    found = tune(line, folder=tmp_path, trials=6, fixed={"steps": 24}, validations=4, pruning=never)
    states = [trial.state for trial in found.trials]
    assert states.count("complete") == 6 and states.count("lost") == 1 and states[killed] == "lost", states
    again = [trial for trial in found.trials if trial.arguments == found.trials[killed].arguments]
    assert [trial.state for trial in again] == ["lost", "complete"]
    assert len(set(owners(tmp_path))) >= 2, "both processes took trials"
    assert not list(tmp_path.glob(".worker-*"))


def test_from_the_command_line_to_the_best_run(tmp_path: Path, call) -> None:  # type: ignore[no-untyped-def]
    words = [
        "tune",
        "maml",
        "--data",
        "sinusoid",
        "--steps",
        6,
        "--batch",
        2,
        "--only",
        "lr,inner-lr",
        "--space",
        "lr=1e-3..1e-2",
    ]
    words += ["--trials", 5, "--validations", 2, "--pruner", "none", "--seed", 3, "--out", tmp_path / "study"]
    status, out, err = call(*words)
    assert status == 0, err
    text = " ".join(out.split())
    assert "the best of 5 trials on 200 meta-validation tasks" in text and "0 (as it is)" in text and "importance:" in text
    assert "trial 4 complete" in err
    found = Tuned.load(tmp_path / "study" / "tuning.json")
    assert found.command in out and found.fixed == {"data": "sinusoid", "steps": 6, "batch": 2}
    assert all((tmp_path / "study" / f"{name}.png").stat().st_size > 5000 for name in ("history", "arguments", "importance"))
    status, out, _ = call(*words, "--json")
    assert status == 0 and json.loads(out)["best"]["arguments"] == found.best.arguments
    status, _, err = call(*found.command.split()[1:], "--out", tmp_path / "run")
    assert status == 0, err
    run = Run(tmp_path / "run")
    assert run.config["arguments"] == found.arguments and run.config["seed"] == 3


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("--space lr=1..2..3", "is no float"),
        ("--space nonsense=1..2", "has no argument nonsense"),
        ("--only nonsense", "has no argument nonsense"),
        ("--lr 0.1 --only lr", "both fixed and tuned"),
        ("--trials 0", "--trials must be a whole number from 1"),
        ("--pruner nonsense", "--pruner"),
        ("--steps 2 --inner-lr 1e30 --only lr --trials 1", "none of 1 trials of maml is complete"),
    ],
)
def test_bad_input_is_told_in_a_sentence(words: str, reason: str, tmp_path: Path, call) -> None:  # type: ignore[no-untyped-def]
    status, _, err = call("tune", "maml", "--data", "sinusoid", *words.split(), "--out", tmp_path)
    assert status == 1 and reason in err and "defect" not in err


def test_help_tells_what_is_tuned(call) -> None:  # type: ignore[no-untyped-def]
    status, out, _ = call("tune", "maml", "--data", "sinusoid", "--help")
    text = " ".join(out.replace("│", " ").split())
    assert status == 0 and "[default: tuned, 0.0004 to 0.04, by ratio]" in text and "[default: 8]" in text
