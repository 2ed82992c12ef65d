"""Evaluating a metric learner on tasks of images: every task's images embedded, each image embedded once, and a feature cache.

    python benchmarks/feature_cache.py                      # 1,000 tasks of Omniglot, 20 ways, 1 shot, 5 queries; one thread
    python benchmarks/feature_cache.py --tasks 100 --queries 15

Prints seconds of processor time, which other work on the same machine changes little, and the accuracies, which must be equal.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from typing import TypeVar

import torch
from rich.console import Console
from torch import nn

from quickstudy import datasets, evaluate, learners
from quickstudy.learner import Predictor
from quickstudy.nn import Conv4
from quickstudy.task import Examples
from quickstudy.tasks import FewShot

__all__ = ["main", "timed"]

Found = TypeVar("Found")


def timed(work: Callable[[], Found]) -> tuple[float, Found]:
    """Seconds of processor time, and what came of the work."""
    began = time.process_time()
    found = work()
    return time.process_time() - began, found


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=1000)
    parser.add_argument("--queries", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    images, encoder, out = datasets.omniglot(split="vinyals").test, Conv4(), Console()
    learner = learners.ProtoNet(encoder)

    def embedding(support: Examples) -> Predictor:
        return learner(support)

    def evaluated(model: object, index: datasets.ClassIndex) -> tuple[float, float]:
        source = FewShot(index, 20, 1, args.queries)
        seconds, report = timed(lambda: evaluate(model, source, tasks=args.tasks, seed=args.seed))  # type: ignore[arg-type]
        return seconds, report.mean

    out.print(f"{images}, {args.tasks:,} tasks of 20 ways, 1 shot, {args.queries} queries a class")
    with tempfile.TemporaryDirectory() as folder:
        seconds, cache = timed(lambda: datasets.encoded(images, encoder, folder=folder))
        out.print(f"writing the cache: {seconds:.1f} s")
        seconds, _ = timed(lambda: datasets.encoded(images, encoder, folder=folder))
        out.print(f"opening it again: {seconds:.1f} s")
        for name, model, index in (
            ("from the cache", learners.ProtoNet(nn.Identity()), cache),
            ("each image embedded once", learner, images),
            ("each task's images embedded", embedding, images),
        ):
            seconds, mean = evaluated(model, index)
            out.print(f"{name}: {seconds:.1f} s, accuracy {mean:.4%}")


if __name__ == "__main__":
    main()
