"""Meta-training on a data set larger than the memory it may use: a store of images on disk, of which tasks read their rows.

    python benchmarks/larger_than_memory.py                # 5 GB of images in a folder that is removed afterwards
    python benchmarks/larger_than_memory.py --gigabytes 50 --folder /data/scratch

Prints the anonymous memory of the process (RssAnon, which is its own; mapped pages are the system's and go when others need
them), after each stage.
"""

import argparse
import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from rich.console import Console

from quickstudy import datasets, evaluate, learners, train
from quickstudy.datasets.class_index import ClassIndex
from quickstudy.nn import Conv4
from quickstudy.tasks import FewShot

__all__ = ["main", "memory", "trained", "written"]

SIZE, CLASSES, PIECE = 84, 200, 2000


def memory() -> dict[str, int]:
    """Bytes of this process: its own (anonymous), and of mapped files."""
    status = Path("/proc/self/status").read_text()
    return {key: int(re.search(rf"{key}:\s+(\d+) kB", status)[1]) * 1024 for key in ("RssAnon", "RssFile")}  # type: ignore[index]


def written(folder: Path, gigabytes: float, size: int = SIZE) -> ClassIndex:
    """A store of noise around a colour of each class's own."""
    generator = np.random.default_rng(0)
    colours = generator.integers(40, 216, (CLASSES, 3, 1, 1))

    def pieces() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        count = int(gigabytes * 1e9 / (3 * size * size))
        for start in range(0, count, PIECE):
            labels = np.arange(start, min(start + PIECE, count)) % CLASSES
            noise = generator.integers(-40, 40, (len(labels), 3, size, size), dtype=np.int16)
            noise += colours[labels].astype(np.int16)
            yield noise.astype(np.uint8), labels

    return datasets.write_store(folder, pieces(), [f"colour{number}" for number in range(CLASSES)], name="colours")


def trained(index: ClassIndex, steps: int, size: int = SIZE) -> float:
    """Meta-trains a ProtoNet on the store for a few steps; the accuracy on tasks of other classes of it."""
    torch.manual_seed(0)
    learner = learners.ProtoNet(Conv4(3, 16, size=size, strided=True))
    parts = datasets.split_classes(index)
    optimizer = torch.optim.Adam(learner.parameters(), 1e-3)
    for _ in train(learner, FewShot(parts.train, 5, 1, 5), steps=steps, batch=4, optimizer=optimizer):
        pass
    return evaluate(learner, FewShot(parts.test, 5, 1, 5), tasks=40).mean


def main() -> None:
    """Writes, trains, and tells the memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=5.0)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--folder", type=Path, default=None, help="where the store stands while this runs")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    console = Console()

    def tell(stage: str) -> None:
        found = memory()
        console.print(
            f"{stage:<28} {time.monotonic() - began:6.1f} s   RssAnon {found['RssAnon'] / 1e6:6.0f} MB   "
            f"RssFile {found['RssFile'] / 1e6:6.0f} MB"
        )

    began = time.monotonic()
    tell("imported")
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        index = written(Path(folder), asked.gigabytes)
        tell(f"written {(Path(folder) / 'rows.bin').stat().st_size / 1e9:.2f} GB")
        accuracy = trained(index, asked.steps)
        tell(f"{asked.steps} steps, 40 tasks evaluated")
        console.print(f"{index}; accuracy on classes never trained on: {accuracy:.1%}")


if __name__ == "__main__":
    main()
