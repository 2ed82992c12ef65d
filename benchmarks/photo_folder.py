"""Memory to meta-train on a folder of photos: what a folder needs that is held in memory, and one that is read on demand.

    python benchmarks/photo_folder.py                                      # 20,000 photos of 500×500, read at 84×84: held
    python benchmarks/photo_folder.py --size 224                           # read on demand: all rows would be 3 GB
    python benchmarks/photo_folder.py --photos 2000 --size 224             # a tenth of them

The files are links to a few hundred different JPEGs, so that the script needs no disk; each is decoded whenever it is read.
Prints the anonymous memory of the process after each stage, its peak (VmHWM) and the bytes of the rows that are held.
"""

import argparse
import os
import re
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from rich.console import Console

from quickstudy import evaluate, learners, train
from quickstudy.inputs.images import Images
from quickstudy.nn import Conv4
from quickstudy.tasks import FewShot, open_data

__all__ = ["main", "memory", "trained", "written"]

SIDE, CLASSES, DIFFERENT = 500, 100, 4


def memory() -> dict[str, int]:
    """Bytes of this process: anonymous now, and the peak of all."""
    status = Path("/proc/self/status").read_text()
    return {key: int(re.search(rf"{key}:\s+(\d+) kB", status)[1]) * 1024 for key in ("RssAnon", "VmHWM")}  # type: ignore[index]


def written(folder: Path, photos: int, side: int = SIDE) -> Path:
    """Class folders of photos: a colour of each class's own under coarse noise."""
    rng = np.random.default_rng(0)
    each = max(DIFFERENT, photos // CLASSES)
    for label in range(CLASSES):
        place = folder / "photos" / f"class{label:03d}"
        place.mkdir(parents=True)
        for number in range(DIFFERENT):
            coarse = rng.integers(40, 216, 3) + rng.integers(-40, 40, (25, 25, 3))
            image = Image.fromarray(coarse.astype(np.uint8)).resize((side, side), Image.Resampling.BICUBIC)
            image.save(place / f"{number:05d}.jpg", quality=90)
        for number in range(DIFFERENT, each):
            os.link(place / f"{number % DIFFERENT:05d}.jpg", place / f"{number:05d}.jpg")
    return folder / "photos"


def trained(folder: Path, size: int, steps: int) -> tuple[int, float]:
    """Opens the folder and meta-trains a ProtoNet for a few steps; bytes of rows in memory, and the accuracy on new classes."""
    torch.manual_seed(0)
    data = open_data(str(folder), reads=Images(size, channels=3, strokes=False)).content
    held = sum(part.x.numel() * part.x.element_size() for part in data if isinstance(part.x, torch.Tensor))
    learner = learners.ProtoNet(Conv4(3, 8, size=size, strided=True))
    optimizer = torch.optim.Adam(learner.parameters(), 1e-3)
    for _ in train(learner, FewShot(data.train, 5, 1, 3), steps=steps, batch=2, optimizer=optimizer):
        pass
    return held, evaluate(learner, FewShot(data.test, 5, 1, 3), tasks=10).mean


def main() -> None:
    """Writes, opens, trains, and prints the memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=20_000)
    parser.add_argument("--size", type=int, default=84)
    parser.add_argument("--steps", type=int, default=5)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    console = Console()
    with tempfile.TemporaryDirectory() as made:
        folder = written(Path(made), asked.photos)
        before, began = memory(), time.process_time()
        held, accuracy = trained(folder, asked.size, asked.steps)
        after = memory()
    console.print(
        f"{asked.photos:,} photos of {SIDE}×{SIDE} read at {asked.size}×{asked.size}: {time.process_time() - began:.0f} s CPU"
    )
    console.print(
        f"before {before['RssAnon'] / 1e6:.0f} MB; after {after['RssAnon'] / 1e6:.0f} MB, peak {after['VmHWM'] / 1e6:.0f} MB"
    )
    console.print(f"rows in memory {held / 1e6:.0f} MB; accuracy on classes never trained on: {accuracy:.1%}")


if __name__ == "__main__":
    main()
