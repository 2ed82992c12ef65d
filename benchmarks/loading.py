"""W10: opening each data set in a fresh process, cold (the cache is empty: built from its source) and warm, beside the import.

A cold call of Omniglot reads the authors' zip files in the folder that QUICKSTUDY_DATA names; without it the row is left out.
Wall time, medians over processes; "import" is the time of `import torch` alone, which every process pays first.

    python benchmarks/loading.py --json loading.json
"""

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from timing import Row, arguments, report

CALLS = {
    "glyphs": "from quickstudy.datasets.glyphs import glyphs as load; call = load",
    "Omniglot": "from quickstudy.datasets.omniglot import omniglot as load; call = lambda: load(split='vinyals')",
}
PROGRAM = """
import time
began = time.perf_counter()
import torch
torch.set_num_threads({threads})
imported = time.perf_counter()
{load}
ready = time.perf_counter()
call()
print(imported - began, ready - imported, time.perf_counter() - ready)
"""


def seconds(load: str, cache: str, threads: int) -> tuple[float, float, float]:
    """Of importing torch, of importing ours beyond it, and of opening the data set, in a process of their own."""
    program = PROGRAM.format(load=load, threads=threads)
    call = [sys.executable, "-c", program]
    told = subprocess.run(call, env=os.environ | {"QUICKSTUDY_CACHE": cache}, check=True, capture_output=True, text=True).stdout
    torch, ours, opening = map(float, told.split())
    return torch, ours, opening


def rows(rounds: int, threads: int) -> list[Row]:
    found = []
    for name, load in CALLS.items():
        if name == "Omniglot" and not (Path(os.environ.get("QUICKSTUDY_DATA", "")) / "omniglot").is_dir():
            print("Omniglot is left out: set QUICKSTUDY_DATA to a folder that holds omniglot/images_*.zip", file=sys.stderr)
            continue
        with tempfile.TemporaryDirectory() as cache:
            cold = seconds(load, cache, threads)
            warm = [seconds(load, cache, threads) for _ in range(rounds)]
        torch, ours, opening = (statistics.median(each) for each in zip(*warm, strict=True))
        parts = {"import torch": torch, "import ours beyond it": ours, "open, cold": cold[2], "open, warm": opening}
        found += [Row(f"W10 {name}", part, s * 1e3, s / torch, s * 1e3) for part, s in parts.items()]
    return found


if __name__ == "__main__":
    asked = arguments(__doc__, rounds=3)
    report(rows(asked.rounds, asked.threads), asked.json)
