"""Whatever a person does to a run's folder gives a sentence, and what is whole in it goes on."""

import json
import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from quickstudy.errors import UserError
from quickstudy.runs.run import Run
from quickstudy.storage.artefact import read

ARGUMENTS = {"steps": 6, "batch": 2}
OLD = Path(__file__).parents[1] / "data" / "v0.1.0"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("made") / "run"
    list(Run(folder, "maml", {"data": "sinusoid"} | ARGUMENTS).train())
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "run")
    return tmp_path / "run"


def resumed(folder: Path) -> list[Any]:
    return list(Run(folder).train())


def _record(**changes: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        found = json.loads((folder / "run.json").read_text())
        (folder / "run.json").write_text(json.dumps(found | changes))

    return change


def _text(name: str, text: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_text(text) and None  # type: ignore[func-returns-value,return-value]


def _instead(name: str, make: Callable[[Path], Any]) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        make(folder / name)

    return change


def _of_another_run(folder: Path) -> None:
    list(Run(folder.parent / "other", "maml", {"data": "sinusoid"} | ARGUMENTS, seed=1).train())
    shutil.copy(folder.parent / "other" / "training.safetensors", folder)


DONE_TO_IT: dict[str, tuple[Callable[[Path], None], str]] = {
    "no JSON": (_text("run.json", "{"), "run.json is damaged .*new run in another folder"),
    "a list": (_text("run.json", "[1]"), "run.json is damaged"),
    "a bomb": (_text("run.json", "[" * 100_000), "run.json is damaged .*nested"),
    "empty": (_text("run.json", ""), "run.json is damaged"),
    "no seed": (_text("run.json", '{"recipe": "maml"}'), "run.json is damaged"),
    "recipe": (_record(recipe=3), "damaged .recipe is 3"),
    "unknown recipe": (_record(recipe="mamls"), "no recipe 'mamls'. Did you mean maml"),
    "arguments": (_record(arguments=[1]), r"damaged .arguments is \[1\]"),
    "an argument": (_record(arguments={"steps": "many"}), "steps='many': the recipe maml takes a value of type int"),
    "half steps": (_record(arguments={"steps": 2.5}), "steps=2.5: the recipe maml takes a value of type int"),
    "unknown argument": (_record(arguments={"stepz": 1}), "has no argument stepz"),
    "seed": (_record(seed="0"), "damaged .seed is '0'"),
    "giant seed": (_record(seed=2**64 - 1 + 1), "damaged|64 bits"),
    "versions": (_record(versions={"torch": 1}), "damaged .its versions"),
    "a folder": (_instead("run.json", Path.mkdir), "damaged .*is a folder"),
    "a pipe": (_instead("run.json", os.mkfifo), "damaged .*is a pipe"),
    "zeros": (_instead("run.json", lambda path: path.symlink_to("/dev/zero")), "damaged .*is a device"),
    "other call": (_record(arguments={"steps": 7, "batch": 2}), "saved by another run than .*steps=7.*remove"),
    "other run": (_of_another_run, "saved by another run than .*seed 0.*remove"),
    "no best": (lambda folder: (folder / "best.safetensors").unlink(), "best.safetensors, the learner of the best .* is missing"),
    "state": (_text("training.safetensors", "x"), "cannot be resumed: .*not a whole file.*remove"),
    "state of 0.1.0": (lambda folder: shutil.copy(OLD / "training.safetensors", folder) and None, "0.1.0 .format 1.*remove"),  # type: ignore
    "state a pipe": (_instead("training.safetensors", os.mkfifo), "cannot be resumed: .*is a pipe"),
    "log a pipe": (_instead("log.jsonl", os.mkfifo), "log.jsonl is a pipe"),
    "log a folder": (_instead("log.jsonl", Path.mkdir), "log.jsonl is a folder"),
    "lock a link": (_instead(".lock", lambda path: path.symlink_to("run.json")), r"\.lock is a link"),
    "lock a folder": (_instead(".lock", Path.mkdir), r"\.lock (is a folder|cannot be written: Is a directory)"),
}


@pytest.mark.parametrize("name", DONE_TO_IT)
def test_it_is_told_in_a_sentence(folder: Path, name: str) -> None:
    change, reason = DONE_TO_IT[name]
    change(folder)
    with pytest.raises(UserError, match=reason):
        resumed(folder)


def test_a_folder_behind_a_link_is_a_folder(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(folder)
    assert resumed(tmp_path / "link") == [] and Run(tmp_path / "link").learner() is not None


def test_links_for_files_are_replaced_and_what_they_name_is_left_alone(folder: Path, tmp_path: Path) -> None:
    log = Run(folder).history()
    for name in ("run.json", "log.jsonl", "training.safetensors"):
        (folder / name).rename(tmp_path / name)
        (folder / name).symlink_to(tmp_path / name)
    before = {name: (tmp_path / name).read_bytes() for name in ("run.json", "log.jsonl", "training.safetensors")}
    assert resumed(folder) == [] and Run(folder).history() == log
    assert before == {name: (tmp_path / name).read_bytes() for name in before}


def test_without_its_log_it_goes_on_and_says_what_is_missing(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    (folder / "log.jsonl").unlink()
    with caplog.at_level(logging.WARNING):
        assert resumed(folder) == []
    assert "steps without a line: 6 of 6" in caplog.text


def test_without_its_state_it_is_trained_anew(folder: Path, made: Path) -> None:
    (folder / "training.safetensors").unlink()
    assert [item.step for item in resumed(folder) if hasattr(item, "loss")][:2] == [1, 2]
    tensors = [read(path / "training.safetensors", ("training",)).tensors for path in (folder, made)]
    assert all(torch.equal(a, b) for a, b in zip(*tensors, strict=True))


def test_other_versions_are_named(folder: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quickstudy.runs.resuming.versions", lambda: {"quickstudy": "9", "torch": "9.9", "python": "3.9"})
    with caplog.at_level(logging.WARNING):
        assert resumed(folder) == []
    assert f"was saved with quickstudy {Run(folder).config['versions']['quickstudy']} and torch" in caplog.text
    assert "perhaps not bit for bit" in caplog.text


def test_leftovers_of_killed_saves_are_swept(folder: Path) -> None:
    (folder / ".training.safetensors.0123abcd.part").write_bytes(b"half")
    (folder / ".mine.part").write_bytes(b"not ours")
    resumed(folder)
    assert not list(folder.glob(".training*")) and (folder / ".mine.part").exists()


def test_wrong_calls_in_python_are_told_in_a_sentence(tmp_path: Path) -> None:
    for arguments, seed, reason in (
        ({"steps": "6"}, 0, "steps='6'"),
        ({"steps": object()}, 0, "recorded in JSON"),
        ({}, "0", "seed='0' must be a whole number"),
        ({}, 2**64, "64 bits"),
        ({}, 1.0, "seed=1.0"),
    ):
        with pytest.raises(UserError, match=reason):
            Run(tmp_path / "x", "maml", {"data": "sinusoid"} | arguments, seed).recipe()  # type: ignore[arg-type]
    assert not (tmp_path / "x").exists()


def test_a_run_that_ended_before_anything_was_kept_makes_way_for_another(folder: Path) -> None:
    others = {"data": "sinusoid"} | ARGUMENTS | {"steps": 2}
    with pytest.raises(UserError, match="holds a run of"):
        Run(folder, "maml", others)
    for name in ("training.safetensors", "best.safetensors"):
        (folder / name).unlink(missing_ok=True)
    records = list(Run(folder, "maml", others).train())
    assert len(records) >= 2 and json.loads((folder / "run.json").read_text())["arguments"]["steps"] == 2
    steps = [entry["step"] for entry in Run(folder).history() if "loss" in entry]
    assert steps and max(steps) == 2  # of the log of the run before, nothing is left
