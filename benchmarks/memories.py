"""W9: memory and sequence learners, one task after another and many at once: MANN and SNAIL, beside ProtoNet.

5-way tasks of one shot (MANN: ten presentations) with one query a class, on features of 64 numbers, 16 tasks: adapting and
predicting, then the meta-gradient. The floor of each is its own loop over tasks; ratios say what vmap saves.

    python benchmarks/memories.py --json memories.json
"""

from collections.abc import Callable
from typing import Any, Literal

import torch
from timing import Row, Variant, arguments, report, take_turns
from torch import nn

from quickstudy.datasets.arrays import from_arrays
from quickstudy.execution.batching import meta_gradient, over_tasks
from quickstudy.learner import Learner
from quickstudy.learners.memory.mann import MANN
from quickstudy.learners.memory.snail import SNAIL
from quickstudy.learners.metric.proto import ProtoNet
from quickstudy.nn.lrua import LRUA
from quickstudy.nn.recurrent import LSTMCell
from quickstudy.nn.snail import CausalNet
from quickstudy.task import Task
from quickstudy.tasks.few_shot import FewShot
from quickstudy.tasks.source import generator_of

FEATURES, WAYS, TASKS, HIDDEN, WIDTH, SLOTS, HEADS = 64, 5, 16, 200, 40, 128, 4


def learners() -> dict[str, tuple[Learner[Any], int]]:
    """Each with the shots of its tasks."""
    controller = LSTMCell(2 * FEATURES + WAYS + HEADS * WIDTH, HIDDEN)
    causal = CausalNet(FEATURES + WAYS, WAYS, length=WAYS + 1)
    return {
        "ProtoNet": (ProtoNet(nn.Identity(), learn_scale=True), 1),
        "SNAIL": (SNAIL(nn.Identity(), causal), 1),
        "MANN, 10 presentations": (MANN(nn.Identity(), LRUA(controller, WAYS, slots=SLOTS, width=WIDTH, heads=HEADS)), 10),
    }


def answered(learner: Learner[Any], tasks: Task, way: Literal["vmap", "loop"]) -> Callable[[], None]:
    def answer(task: Task) -> torch.Tensor:
        return learner.predict(learner.adapt(task.support), task.query.x)

    def step() -> None:
        with torch.no_grad():
            over_tasks(answer, tasks, way)

    return step


def trained(learner: Learner[Any], tasks: Task, way: Literal["vmap", "loop"]) -> Callable[[], None]:
    def step() -> None:
        learner.zero_grad(set_to_none=True)
        meta_gradient(learner, tasks, strategy=way)

    return step


def rows(rounds: int) -> list[Row]:
    torch.manual_seed(0)
    found = []
    for name, (learner, shots) in learners().items():
        labels = torch.arange(50).repeat_interleave(20)
        tasks = FewShot(from_arrays(torch.randn(1000, FEATURES), labels), WAYS, shots, 1).sample(TASKS, generator_of(0))
        for doing, made in {"adapt and predict": answered, "meta-gradient": trained}.items():
            variants = [Variant(way, made(learner, tasks, way)) for way in ("loop", "vmap")]
            per_task = [
                Row(f"W9 {name}: {row.workload}", row.variant, row.ms / TASKS, row.ratio, row.first_ms, note="ms a task")
                for row in take_turns(doing, variants, rounds)
            ]
            found += per_task
    return found


if __name__ == "__main__":
    asked = arguments(__doc__, rounds=10)
    report(rows(asked.rounds), asked.json)
