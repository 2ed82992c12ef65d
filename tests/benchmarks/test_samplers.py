"""The benchmark of samplers: what it concludes, and that it goes on where it was stopped."""

import math
import statistics
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from quickstudy.datasets.class_index import ClassIndex, Splits
from quickstudy.reports.report import Report
from quickstudy.tasks.source import generator_of

FILE = Path(__file__).parents[2] / "benchmarks" / "samplers.py"


def report(scores: list[float]) -> Report:
    rest: dict[str, Any] = {"metric": "accuracy", "higher_is_better": True, "digest": "0", "seed": 0, "transductive": False}
    return Report("L", "toys", scores=tuple(scores), norm="none", seconds=0.0, state_bytes=0, **rest)


def test_what_seeds_do_is_no_finding(benchmark: ModuleType) -> None:
    """Two points better on every task, and seeds of uniform sampling that lie nine points apart: nothing is told apart."""
    scores = [0.5 + 0.3 * math.sin(task) for task in range(100)]
    uniform = [report([s + shift for s in scores]) for shift in (0.0, 0.0, 0.05 * 3**0.5)]
    better = [report([s + 0.02 + 0.01 * (task % 2) for task, s in enumerate(scores)]) for _ in range(2)]
    steady = [report(list(scores)) for _ in range(2)] + [report([s + 1e-4 for s in scores])]
    loud, quiet = (benchmark.compared({"uniform": base, "other": better})[1] for base in (uniform, steady))
    assert loud.p_value <= 0.05 and loud.chance == pytest.approx(4.302653 * 0.05)  # t of 2 degrees of freedom, sd 0.05
    assert benchmark.verdict(loud) == "not told apart" and benchmark.verdict(quiet) == "better"
    assert quiet.difference.difference == pytest.approx(0.025)
    assert "by chance ±21.51" in benchmark.table(benchmark.compared({"uniform": uniform, "other": better}))


def test_chance_covers_what_seeds_do(benchmark: ModuleType) -> None:
    """Means of two trainings against means of two others differ by more in 5 of 100 cases."""
    draws = torch.randn(4000, 9, generator=generator_of(0), dtype=torch.float64).tolist()
    outside = [abs(statistics.fmean(d[5:7]) - statistics.fmean(d[7:])) > benchmark.by_chance(d[:5], 2) for d in draws]
    assert abs(statistics.fmean(outside) - 0.05) < 5 * (0.05 * 0.95 / 4000) ** 0.5


def test_it_goes_on_where_it_was_stopped(
    benchmark: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = torch.arange(24).repeat_interleave(12)
    x = torch.rand(288, 1, 28, 28, generator=generator_of(0))
    index = ClassIndex(x, labels, tuple(map(str, range(24))), families=tuple("AB" * 12))
    monkeypatch.setattr(benchmark, "DATA", {"glyphs": lambda: Splits(index, index, index)})
    size = ["--data", "glyphs", "--steps", "2", "--hidden", "2", "--tasks", "3", "--seeds", "1", "--uniform", "2"]
    call = ["--out", str(tmp_path), *size, "--figure", str(tmp_path / "p.png")]
    benchmark.main(call)
    first = capsys.readouterr().out
    assert all(f"| {arm} |" in first for arm in benchmark.ARMS) and (tmp_path / "p.png").stat().st_size > 5000
    assert len(list(tmp_path.glob("*.json"))) == len(benchmark.ARMS) + 1

    def refuse(*_: Any) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(benchmark, "trained_and_evaluated", refuse)
    benchmark.main(call)
    assert capsys.readouterr().out == first
