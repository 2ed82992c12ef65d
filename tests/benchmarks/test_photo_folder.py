"""The benchmark of folders of photos: rows are held once where they fit, and none where they do not."""

from pathlib import Path
from types import ModuleType

import pytest

FILE = Path(__file__).parents[2] / "benchmarks" / "photo_folder.py"


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="tells memory as Linux does")
def test_rows_are_held_once_or_not_at_all(benchmark: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = benchmark.written(tmp_path, 500, side=20)
    held, accuracy = benchmark.trained(folder, 16, steps=3)
    assert held == 500 * 3 * 16 * 16 and accuracy > 0.2
    monkeypatch.setattr("quickstudy.datasets.on_demand.IN_MEMORY", held - 1)
    assert benchmark.trained(folder, 16, steps=3) == (0, accuracy), "the same tasks, rows and numbers"
    found = benchmark.memory()
    assert 0 < found["RssAnon"] <= found["VmHWM"]
