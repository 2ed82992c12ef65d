"""The benchmark for GPUs starts where only PyTorch and NumPy are installed."""

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "benchmarks"

BLOCKED = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in LIBRARIES:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Blocked())
import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name.split(".")[0] in LIBRARIES else found(name, *rest)
"""

LIBRARIES = (
    "PIL",
    "platformdirs",
    "safetensors",
    "scipy",
    "sklearn",
    "rich",
    "matplotlib",
    "cyclopts",
    "threadpoolctl",
    "fontTools",
)


def test_it_needs_pytorch_and_numpy_alone() -> None:
    script = f"""
LIBRARIES = {LIBRARIES!r}
{BLOCKED}
sys.path.insert(0, {str(FOLDER)!r})
import on_device
import torch
device = torch.device("cpu")
assert len(on_device.images(device, 5, 1, 3, 2)) == 2
rows = on_device.sinusoids(device, 1, 1)
assert [row.variant for row in rows] == ["loop", "vmap"] and rows[1].error < 1e-5
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=FOLDER, timeout=300)
    assert done.returncode == 0, done.stderr
