"""The benchmark of exported models compares like with like."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

FILE = Path(__file__).parents[2] / "benchmarks" / "exported.py"


@pytest.fixture(scope="module", autouse=True)
def beside() -> Iterator[None]:
    """A benchmark finds its neighbour, the timing, as a script does."""
    sys.path.insert(0, str(FILE.parent))
    yield
    sys.path.remove(str(FILE.parent))
    sys.modules.pop("timing", None)


@pytest.mark.parametrize("queries", [1, 3])
def test_all_variants_answer_alike(benchmark: ModuleType, queries: int, tmp_path: Path) -> None:
    found = benchmark.rows("R2D2, MLP 64-64, rows of 32", queries, 1, tmp_path)
    assert [row.variant for row in found] == ["eager PyTorch", "predictor of quickstudy", "ONNX, one thread"]
    assert found[0].ratio == 1 and found[2].error is not None and found[2].error < 1e-5
