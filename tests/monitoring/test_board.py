"""TensorBoard's files hold every number of the log once, also after a resume."""

import json
import sys
from collections import Counter
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

from quickstudy.errors import ArtefactError, MissingExtra
from quickstudy.monitoring import Board, scalars
from quickstudy.runs.run import Run


def points(folder: Path) -> dict[tuple[str, int], list[float]]:
    """All that stands in the files, whoever wrote it and whether TensorBoard would show it."""
    found: dict[tuple[str, int], list[float]] = {}
    for path in sorted((folder / "tensorboard").iterdir()):
        for event in EventFileLoader(str(path)).Load():
            for value in event.summary.value:
                number = value.tensor.float_val[0] if value.HasField("tensor") else value.simple_value
                found.setdefault((value.tag, event.step), []).append(number)
    return found


def logged(folder: Path) -> dict[tuple[str, int], list[float]]:
    lines = Run(folder).history()
    return {(tag, line["step"]): [pytest.approx(value, rel=1e-6)] for line in lines for tag, value in scalars(line).items()}


def train(folder: Path, *, until: int = 60) -> None:
    """With a board that follows every step, up to a sudden end."""
    board = Board(folder)
    for item in Run(folder, "maml", {"data": "sinusoid", "steps": 60, "batch": 2}).train():
        board.follow()
        if item.step == until:
            return
    board.close()


def test_every_number_of_the_log_stands_there(tmp_path: Path) -> None:
    train(tmp_path)
    assert points(tmp_path) == logged(tmp_path)
    shown = EventAccumulator(str(tmp_path / "tensorboard"), size_guidance={"scalars": 0}).Reload()
    assert [event.step for event in shown.Scalars("loss")] == list(range(1, 61))
    times = [event.wall_time for event in shown.Scalars("loss")]
    assert times == sorted(times)


def test_a_resume_writes_no_point_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train(tmp_path, until=25)
    (tmp_path / "training.safetensors").unlink()  # as after a loss of power before the first save: all will be taken again
    with monkeypatch.context() as patched:
        patched.setattr("quickstudy.runs.keeping._SAVE_SECONDS", -1.0)
        train(tmp_path, until=40)
    train(tmp_path)
    found = points(tmp_path)
    assert max(Counter({key: len(values) for key, values in found.items()}).values()) == 1
    assert found == logged(tmp_path)


def test_a_finished_run_can_be_written_any_time(tmp_path: Path) -> None:
    train(tmp_path, until=10)
    for old in (tmp_path / "tensorboard").iterdir():
        old.unlink()
    for _ in range(2):
        Board(tmp_path).close()
        assert points(tmp_path) == logged(tmp_path)


def test_a_log_without_a_line_has_no_points(tmp_path: Path) -> None:
    board = Board(tmp_path)
    assert board.follow() == 0
    board.close()
    assert not (tmp_path / "tensorboard").exists()
    (tmp_path / "log.jsonl").write_text(json.dumps({"step": 1, "loss": 0.5}) + "\n")
    assert board.follow() == 1


def test_without_tensorboard_the_remedy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(MissingExtra, match=r'pip install "quickstudy\[monitor\]"'):
        Board(tmp_path)


def test_event_files_behind_a_link_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "events.out.tfevents.1").write_text("three weeks of another program")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "tensorboard").symlink_to(tmp_path / "others")
    with pytest.raises(ArtefactError, match="tensorboard is a link"):
        Board(tmp_path / "run")
    assert (tmp_path / "others" / "events.out.tfevents.1").read_text() == "three weeks of another program"
