"""A store of images trains a ProtoNet to what its colours tell, and the process holds less than the store."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

FILE = Path(__file__).parents[2] / "benchmarks" / "larger_than_memory.py"


def module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("larger_than_memory_benchmark", FILE)
    assert spec is not None and spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="tells anonymous memory as Linux does")
def test_training_from_disk_holds_less_than_the_data(tmp_path: Path) -> None:
    benchmark = module()
    index = benchmark.written(tmp_path, 0.1, size=28)
    assert (tmp_path / "rows.bin").stat().st_size == pytest.approx(1e8, rel=1e-3)
    benchmark.trained(index, steps=2, size=28)  # allocators and kernels warm up
    before = benchmark.memory()["RssAnon"]
    assert benchmark.trained(index, steps=12, size=28) > 0.8
    assert benchmark.memory()["RssAnon"] - before < 3e7
