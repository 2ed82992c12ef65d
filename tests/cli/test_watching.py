"""``quickstudy watch``: a single probe, a live one that ends with the run, tables, pages; folders that hold no run."""

import csv
import json
import re
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

from quickstudy.cli import watching
from quickstudy.cli.bars import bars
from quickstudy.cli.evaluating import evaluate
from quickstudy.cli.screen import Screen
from quickstudy.cli.training import resume
from quickstudy.cli.watching import watch
from quickstudy.errors import MissingExtra, RunError
from quickstudy.monitoring import AdaptationCurve, History, Probe
from quickstudy.runs.run import Run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("watched") / "run"
    list(Run(folder, "meta_sgd", {"data": "sinusoid", "steps": 20}).train())
    return folder


def shown(folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    watch(folder, once=True)
    return capsys.readouterr().out


def cut(run: Path, folder: Path, step: int) -> None:
    """A copy of the run as it was after so many steps, the last line half written."""
    folder.mkdir()
    (folder / "run.json").write_text((run / "run.json").read_text())
    lines = [line for line in (run / "log.jsonl").read_text().splitlines(keepends=True) if json.loads(line)["step"] <= step]
    (folder / "log.jsonl").write_text("".join(lines) + '{"step": 99, "lo')


def test_a_finished_run(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(run, capsys)
    last = History.of(run).probes[-1]
    assert "step 20 of 20" in text and "ended after" in text and "left" not in text
    assert last.train is not None and last.val is not None and last.gap is not None
    for level, curve in (("meta-train", last.train), ("meta-validation", last.val)):
        row = next(line for line in text.splitlines() if re.match(rf"{level} .*±", line))
        assert f"{curve.scores[0]:.4g}" in row and f"{curve.scores[1]:.4g}" in row
    assert f"by {abs(last.gap):.3g} ±" in text and "learned inner step sizes" in text and "layers.0.weight" in text


def test_a_run_in_the_midst_of_it(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cut(run, tmp_path / "cut", 8)
    text = shown(tmp_path / "cut", capsys)
    assert "step 8 of 20" in text and "left" in text and "ended" not in text


def test_a_run_that_has_just_begun(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "run.json").write_text((run / "run.json").read_text())
    assert "no step yet" in shown(tmp_path, capsys)
    (tmp_path / "log.jsonl").write_text('{"step": 1, "lo')
    assert "no step yet" in shown(tmp_path, capsys)


def test_the_log_of_an_earlier_version(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without probes, without the number of steps."""
    config = json.loads((run / "run.json").read_text())
    (tmp_path / "run.json").write_text(json.dumps({key: config[key] for key in ("recipe", "arguments", "seed", "versions")}))
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    kept = [{k: v for k, v in line.items() if k != "best"} for line in lines if "adaptation" not in line]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in kept))
    text = shown(tmp_path, capsys)
    assert "step 20 of 20" in text and "ended after" in text and "validation" in text


def test_folders_that_hold_no_run(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(RunError, match="holds no run. Start one: quickstudy train RECIPE --out"):
            watch(folder)


def test_live_until_the_run_is_done(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process writes, is cut back once (as a resume does), and goes on."""
    folder = tmp_path / "live"
    cut(run, folder, 4)
    lines = (run / "log.jsonl").read_text().splitlines(keepends=True)
    console = Console(force_terminal=True, width=100, record=True)
    monkeypatch.setattr(watching, "out", console)
    seen: list[int] = []
    original = Screen.__rich_console__

    def noted(self: Screen, *rest: Any) -> Any:
        seen.append(self.history.step)
        return original(self, *rest)

    monkeypatch.setattr(Screen, "__rich_console__", noted)
    watcher = threading.Thread(target=lambda: watch(folder, every=0.05))
    watcher.start()
    for last in (4, 12, 8, 20):  # 8 after 12: it was killed, and resumed from a save at 6
        text = "".join(line for line in lines if json.loads(line)["step"] <= last)
        (tmp_path / "new").write_text(text)
        (tmp_path / "new").replace(folder / "log.jsonl")
        waited = time.monotonic()
        while last not in seen[-3:] and time.monotonic() - waited < 30:
            time.sleep(0.02)
    watcher.join(timeout=30)
    assert not watcher.is_alive(), "the view ends when the run does"
    assert [step for step, before in zip(seen, [None, *seen], strict=False) if step != before] == [4, 12, 8, 20]


def test_tables_pages_and_boards(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    watch(run, csv=tmp_path / "log.csv", html=tmp_path / "run.html", tensorboard=True)
    assert "tensorboard --logdir" in capsys.readouterr().out
    with (tmp_path / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == list(range(21)) and float(rows[20]["validation"]) > 0
    page = (tmp_path / "run.html").read_text()
    for heading in ("Objective and gradient norm", "Validation", "Adaptation", "Learned inner step sizes"):
        assert f"<h2>{heading}</h2>" in page
    assert page.count("<svg") == 4 and "<script" not in page
    assert list((run / "tensorboard").glob("events.out.tfevents.*"))


def test_without_tensorboard(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(MissingExtra, match=r"quickstudy\[monitor\]"):
        watch(run, tensorboard=True)


def test_the_report_of_a_evaluated_run_shows_its_training(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evaluate([run], tasks=3)
    assert f"{run}/report.html" in capsys.readouterr().out
    page = (run / "report.html").read_text()
    assert "<h2>Results</h2>" in page and "MetaSGD" in page and "<h2>Adaptation</h2>" in page
    watch(run, html=run / "later.html")
    assert "<h2>Results</h2>" in (run / "later.html").read_text(), "reports that lie in the folder are shown"


def test_a_resumed_training_writes_for_tensorboard(run: Path, tmp_path: Path) -> None:
    config = json.loads((run / "run.json").read_text())
    records = Run(tmp_path, config["recipe"], config["arguments"]).train()
    next(item for item in records if item.step == 3)
    records.close()  # type: ignore[attr-defined]
    resume(tmp_path, tensorboard=True)
    (events,) = (tmp_path / "tensorboard").iterdir()
    steps = [event.step for event in EventFileLoader(str(events)).Load() for value in event.summary.value if value.tag == "loss"]
    assert steps == list(range(1, 21))


def curve(steps: tuple[int, ...]) -> AdaptationCurve:
    count = len(steps)
    return AdaptationCurve(30, steps, (0.5,) * count, (0.1,) * count, (1.0,) * count, (float("nan"),) * count)


@pytest.mark.parametrize(("steps", "heads"), [((0,), ["adapted"]), ((0, 1, 2), ["before", "after 1", "after 2"])])
def test_names_of_the_stages(steps: tuple[int, ...], heads: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    history = History(probes=[Probe(0, "accuracy", True, curve(steps), curve(steps), True)])
    Console(width=100).print(Screen("run", "", history, None, False, 0.0))
    head = next(line for line in capsys.readouterr().out.splitlines() if heads[0] in line)
    assert re.split(r"\s{2,}", head.strip()) == heads


def test_many_inner_steps_in_a_narrow_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    steps = (0, 1, 2, 5, 10, 20, 50)
    Console(width=80).print(Screen("run", "", History(probes=[Probe(0, "nll", False, curve(steps), None)]), None, False, 500.0))
    text = capsys.readouterr().out
    assert "before" in text and "after 50" in text and "…" not in text
    assert "nothing new for 0:08:20" in text and "quickstudy resume run" in text


def test_columns_of_a_curve() -> None:
    assert bars([1, float("nan"), 2], 80) == ["▁ █"]
    assert bars([3, 3], 80, height=2) == ["▁▁", "██"], "where nothing moves, in the middle"
    assert bars([1, 10, 100], 80) == ["▁▅█"], "by their logarithms"
    assert [len(row) for row in bars(list(range(1000)), 40, 3)] == [40, 40, 40]
    assert bars([float("inf")] * 3, 10) == ["   "]
    assert set("".join(bars(list(range(10)), 10, ascii_only=True))).isdisjoint("▁▂▃▄▅▆▇█")
