"""Logs: read while they grow, cut off, cut back; sorted; as tables."""

import csv
import io
import json
from pathlib import Path
from typing import Any

from quickstudy import checks
from quickstudy.monitoring import History, Log, Probe, csv_text, rows
from quickstudy.monitoring.curve import AdaptationCurve


def step(number: int) -> dict[str, Any]:
    return {"step": number, "loss": 2.0 / number, "gradient_norm": 1.0, "lr": 0.1, "seconds": 0.5}


def probe(number: int) -> dict[str, Any]:
    curve = AdaptationCurve(30, (0, 1, 2), (0.2, 0.5, 0.75), (0.1, 0.1, 0.1), (2.0, 1.5, 1.0), (float("nan"), 0.5, 0.25))
    return Probe(number, "accuracy", True, curve, curve, True, {"step 1": (0.1, 0.2, 0.3), "step 2": (0.0, 0.1, 0.5)}).to_json()


def text(*lines: dict[str, Any]) -> str:
    return "".join(json.dumps(line) + "\n" for line in lines)


def test_a_growing_log_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    log = Log(path)
    assert log.read() == [] and log.times_begun == 0
    path.write_text(text(step(1)))
    assert log.read() == [step(1)]
    with path.open("a") as file:
        file.write(text(step(2)) + '{"step": 3, "lo')
    assert log.read() == [step(2)] and log.read() == []
    with path.open("a") as file:
        file.write('ss": 1.0}\n')
    assert log.read() == [{"step": 3, "loss": 1.0}]
    assert [line["step"] for line in log.lines] == [1, 2, 3] and log.times_begun == 1


def test_a_log_that_was_cut_back_is_read_anew(tmp_path: Path) -> None:
    path, other = tmp_path / "log.jsonl", tmp_path / "other"
    path.write_text(text(step(1), step(2), step(3)))
    log = Log(path)
    log.read()
    other.write_text(text(step(1), step(2), step(4), step(5)))  # longer than before, but another file
    other.replace(path)
    assert [line["step"] for line in log.read()] == [1, 2, 4, 5] and log.times_begun == 2
    path.write_text(text(step(1)))
    assert log.read() == [step(1)] and log.times_begun == 3 and log.lines == [step(1)]


def test_odd_lines_are_left_aside(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('[1]\n{"loss": 1}\n' + text(step(1)) + "{broken}\n" + text(step(2)))
    log = Log(path)
    assert log.read() == [step(1), step(2)], "what is whole after a broken line is kept"
    assert log.damaged == {0: b'[1]\n{"loss": 1}\n', 1: b"{broken}\n"}
    assert log.content(log.lines) == path.read_bytes(), "and the broken line too, where it was"
    assert log.content(log.lines[:1]) == b'[1]\n{"loss": 1}\n' + text(step(1)).encode()
    history = History().add([step(1), {"step": 2, "loss": 1.0}, {"step": 2, "adaptation": {}}, {"step": 2, "remark": "?"}])
    assert [record.step for record in history.records] == [1] and not history.probes


def test_a_history_sorts_what_it_reads() -> None:
    lines = [probe(0), step(1), step(2), {"step": 2, "validation": 0.5, "best": True}, probe(2) | {"done": False}, step(3)]
    history = History().add(lines)
    assert (history.step, history.seconds, len(history.probes), history.done) == (3, 1.5, 2, False)
    assert history.best is not None and (history.best.step, history.best.score) == (2, 0.5)
    history.add([{"step": 3, "validation": 0.4, "best": False}, probe(3) | {"done": True}])
    assert history.done and history.best.step == 2 and [probe.step for probe in history.probes] == [0, 2, 3]


def test_a_table_has_a_row_for_each_step() -> None:
    lines = [probe(0), step(1), step(2), {"step": 2, "validation": 0.5, "best": True}, probe(2)]
    found = list(csv.DictReader(io.StringIO(csv_text(lines))))
    assert [row["step"] for row in found] == ["0", "1", "2"]
    assert [row["loss"] for row in found] == ["", "2.0", "1.0"] and [row["validation"] for row in found] == ["", "", "0.5"]
    assert found[2]["meta-train/score/2"] == "0.75" and found[1]["meta-train/score/2"] == ""
    assert "meta-train/gradient_norm/0" not in found[0] and found[0]["meta-validation/gradient_norm/2"] == "0.25"
    assert (found[2]["gap"], found[2]["step_size/min"], found[2]["step_size/max"]) == ("0.0", "0.0", "0.5")
    assert float(found[2]["step_size/mean"]) == 0.15000000000000002 and found[2]["step_size/mean/step 1"] == "0.2"
    assert list(found[0])[:6] == ["step", "loss", "gradient_norm", "lr", "seconds", "validation"]


def test_an_empty_log_is_an_empty_table() -> None:
    assert csv_text([]) == "step\n" and rows([]) == []


def test_the_doctor_tells_the_gap_where_it_was_looked_at() -> None:
    steps = [{"step": n, "loss": 2 - n / 100} for n in range(1, 101)]
    validations = [{"step": 10 * n, "validation": 0.9 - 0.01 * abs(n - 3) + 0.001 * (n % 2)} for n in range(1, 11)]

    def gap(step: int, seen: float, new: float) -> dict[str, Any]:
        ends = [AdaptationCurve(30, (0, 1), (0.2, score), (0.1, 0.1), (2.0, 1.0), (0.0, 0.5)) for score in (seen, new)]
        return Probe(step, "accuracy", True, ends[0], ends[1], True).to_json()

    probes = [gap(10, 0.7, 0.7), gap(30, 0.92, 0.88), gap(100, 0.98, 0.8)]
    found = checks.meta_overfitting([*steps, *validations, *probes], higher_is_better=True)
    assert "gap between both levels 0.04 then, 0.18 at the end" in found.note
    numbers = found.findings[0].numbers
    assert (round(numbers["gap_at_best"], 6), round(numbers["gap_at_end"], 6)) == (0.04, 0.18)
    assert "gap" not in checks.meta_overfitting([*steps, *validations], higher_is_better=True).note
