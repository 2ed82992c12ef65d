"""Recipes in files of one's own: trained, tuned, resumed and evaluated as ours are, and run only where the user trusts them."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from quickstudy.errors import RunError, UserError
from quickstudy.runs.call import recorded_call
from quickstudy.runs.known import name_of
from quickstudy.runs.run import Run
from quickstudy.storage.own_code import own_function, trusting
from quickstudy.storage.plain_json import parsed

Call = Callable[..., tuple[int, str, str]]

OWN = '''
from torch import nn
from quickstudy import learners
from quickstudy.recipes import Data, Outer, Recipe, Sizes, Tasks, by_adam, open_problem, recipe, sinusoids
from quickstudy.likelihood import Gaussian


class Wide(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(784, 8))

    def forward(self, x):
        return self.layers(x)


@recipe({"glyphs": {"steps": 3}})
def mine(
    *, data: Data = Data(), sizes: Sizes = Sizes(ways=3, queries=2), outer: Outer = Outer(val_tasks=4), scale: float = 0.1
) -> Recipe:
    """Mine.

    Args:
        scale: of the distances.
    """
    problem = open_problem(data, sizes, outer.steps, most_ways=4)
    return outer.recipe(learners.ProtoNet(Wide(), scale=scale), problem)


def plain(*, steps: int = 2, lr: float = 0.01):
    """A plain function."""
    learner = learners.MAML(nn.Linear(1, 1), inner_lr=0.01, likelihood=Gaussian())
    return by_adam(learner, sinusoids(5), lr=lr, steps=steps, val_tasks=3)


def nothing():
    return 3
'''


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("QUICKSTUDY_CONFIG", str(tmp_path / "config"))
    (tmp_path / "mine.py").write_text(OWN)
    return f"{tmp_path / 'mine.py'}:mine"


def test_on_the_command_line(mine: str, tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "run"
    status, out, err = call("train", mine, "--help")
    assert status == 0 and "--scale" in out and "--train-ways" in out and "Preset glyphs: steps 3." in " ".join(out.split()), err
    status, _, err = call("train", mine, "--scale", 0.5, "--out", folder)
    assert status == 0, err
    kept = recorded_call(folder)
    assert kept is not None and kept["recipe"] == mine and kept["resolved"]["steps"] == 3 and len(kept["code"]) == 64
    assert call("evaluate", folder, "--tasks", 3)[0] == 0, "a network of one's own needs no like="
    assert call("doctor", folder, "--tasks", 3, "--only", "cost")[0] == 0
    words = ["--data", "glyphs", "--steps", 2, "--trials", 1, "--validations", 1, "--space", "scale=0.1..1", "--only", "scale"]
    status, out, err = call("tune", mine, *words, "--out", tmp_path / "tuning")
    assert status == 0 and f"quickstudy train {mine} --data glyphs" in " ".join(out.split()), err


def test_a_run_folder_runs_no_code_by_itself(mine: str, tmp_path: Path, call: Call) -> None:
    folder = tmp_path / "run"
    assert call("train", mine, "--out", folder)[0] == 0
    (tmp_path / "config" / "trusted.json").unlink()
    assert call("watch", folder, "--once")[0] == 0, "the log needs no code"
    for words in (["resume", folder], ["evaluate", folder, "--tasks", 2], ["doctor", folder]):
        status, _, err = call(*words)
        assert status == 1 and "is not on your list of code that may run" in err and "--trust-code" in err
    assert call("evaluate", folder, "--tasks", 2, "--trust-code")[0] == 0
    assert call("evaluate", folder, "--tasks", 2)[0] == 0, "it is on the list now"


def test_a_changed_file_is_refused_until_it_is_accepted(mine: str, tmp_path: Path, call: Call) -> None:
    folder = tmp_path / "run"
    assert call("train", mine, "--out", folder)[0] == 0
    file = tmp_path / "mine.py"
    file.write_text(file.read_text() + "\n# another line\n")
    status, _, err = call("resume", folder)
    assert status == 1 and "was changed since you last ran it" in err
    status, _, err = call("train", mine, "--out", folder)
    assert status == 1 and "the recipe's file" in err and "go on with --accept-changed" in err
    assert call("train", mine, "--out", folder, "--accept-changed")[0] == 0
    assert parsed((folder / "run.json").read_text())["changed"] == ["code"]


def test_functions_and_plain_ones_in_python(mine: str, tmp_path: Path) -> None:
    with trusting():
        plain = own_function(mine.replace(":mine", ":plain"))
    assert name_of(plain) == mine.replace(":mine", ":plain") and name_of("proto") == "proto"
    list(Run(tmp_path / "plain", plain, {"steps": 3}).train())
    again = Run(tmp_path / "plain")
    assert again.config["recipe"].endswith("mine.py:plain") and again.config["resolved"] == {"steps": 3, "lr": 0.01}
    assert all(torch.isfinite(p).all() for p in again.learner().parameters())
    with pytest.raises(RunError, match="stands in no file, or inside of another function"):
        Run(tmp_path / "x", lambda: None)  # type: ignore[arg-type, return-value]
    with pytest.raises(RunError, match="returned int, no Recipe"):
        Run(tmp_path / "y", mine.replace(":mine", ":nothing")).recipe()
    with pytest.raises(UserError, match="has no function 'none'"):
        Run(tmp_path / "z", mine.replace(":mine", ":none"))
