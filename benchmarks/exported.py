"""A prediction by the exported ONNX model on one thread beside eager PyTorch, for 1 and for 32 queries.

The floor is `learner.predict(state, learner.encode(x))` without a graph, the shortest that PyTorch can do; a predictor of
quickstudy also checks its inputs and outputs. Ratios below 1 are faster than PyTorch.

    python benchmarks/exported.py
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnxruntime
import torch
from timing import Row, Variant, arguments, close, report, take_turns
from torch import Tensor, nn

from quickstudy.export.exporting import export_onnx
from quickstudy.learner import Learner
from quickstudy.learners import MAML, R2D2, ProtoNet
from quickstudy.nn import MLP, Conv4
from quickstudy.task import Examples

LEARNERS: dict[str, tuple[Callable[[], Learner[Any]], tuple[int, ...]]] = {
    "ProtoNet, Conv4-64, 28×28": (lambda: ProtoNet(Conv4(1)), (1, 28, 28)),
    "MAML, Conv4-64 with a head, 28×28": (lambda: MAML(nn.Sequential(Conv4(1), nn.Linear(64, 5))), (1, 28, 28)),
    "R2D2, MLP 64-64, rows of 32": (lambda: R2D2(MLP(32, (64, 64))), (32,)),
}
"""By name: the learner, and the shape of a row."""


def eager(learner: Learner[Any], state: Any, x: Tensor) -> Callable[[], Tensor]:
    def run() -> Tensor:
        with torch.no_grad():
            outputs: Tensor = learner.likelihood.mean(learner.predict(state, learner.encode(x)))
        return outputs

    return run


def rows(name: str, queries: int, rounds: int, folder: Path) -> list[Row]:
    """A 5-way 5-shot task of random numbers, answered in three ways."""
    torch.manual_seed(0)
    make, shape = LEARNERS[name]
    learner = make().eval()
    predictor = learner(Examples.of(torch.rand(25, *shape), torch.arange(25) % 5))
    path = folder / "mine.onnx"
    export_onnx(predictor, path)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    x = torch.rand(queries, *shape)
    given = {"x": x.numpy()}
    bare = eager(predictor.learner, predictor.state, x)
    error = close([torch.as_tensor(session.run(["probabilities"], given)[0])], [bare()])
    variants = [
        Variant("eager PyTorch", bare),
        Variant("predictor of quickstudy", lambda: predictor.probabilities(x)),
        Variant("ONNX, one thread", lambda: session.run(["probabilities"], given), error),
    ]
    workload = f"{name}, {queries} {'query' if queries == 1 else 'queries'}"
    return take_turns(workload, variants, rounds, calls=20)


def main() -> None:
    given = arguments(__doc__, rounds=15)
    with tempfile.TemporaryDirectory() as folder:
        found = [row for name in LEARNERS for queries in (1, 32) for row in rows(name, queries, given.rounds, Path(folder))]
    report(found, given.json)


if __name__ == "__main__":
    main()
