"""An evaluation of memories and online learners: predict each example of a stream, then learn it; accuracy by presentation."""

import json
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from quickstudy.borders.arguments import whole
from quickstudy.errors import LearnerError, TaskError
from quickstudy.evaluation.encoded_batches import encoded_batches
from quickstudy.evaluation.scoring import seeded
from quickstudy.evaluation.soundness import require_numbers
from quickstudy.execution.agreement import agree
from quickstudy.execution.batching import Strategy, choose, over_tasks
from quickstudy.functional.tree import bytes_of, to
from quickstudy.learner import Learner, evaluating
from quickstudy.reports.intervals import interval_over_tasks
from quickstudy.reports.words import between
from quickstudy.reports.worlds import bounds_of, clipped
from quickstudy.storage.files import write_whole
from quickstudy.task import Examples, Task, unstack_tasks
from quickstudy.tasks.source import TaskSource, generator_of

__all__ = ["StreamReport", "evaluate_stream"]

_TIMED = 3


@dataclass(frozen=True)
class StreamReport:
    """Accuracy by presentation: how well a class is recognised at its first example, its second, and so on.

    Args:
        model: the learner's name.
        source: the tasks' name.
        scores: for each presentation, from the first on, one score a task: the mean over the classes presented that often.
        digest: fingerprint of the task list.
        seed: of the task list.
        norm: the norm policy.
        seconds: median seconds to predict and learn one example.
        state_bytes: size of the state of one task.
    """

    model: str
    source: str
    scores: tuple[tuple[float, ...], ...]
    digest: str
    seed: int
    norm: str
    seconds: float
    state_bytes: int

    def mean(self, presentation: int) -> float:
        """Mean accuracy at a presentation; 1 is the first, before any example of a class was seen."""
        return statistics.fmean(self.scores[presentation - 1])

    def interval(self, presentation: int) -> tuple[float, float]:
        """The 95 % t-interval of that mean (low, high): for other tasks of the same classes; it ends at 0 and 1."""
        return clipped(interval_over_tasks(self.scores[presentation - 1]), bounds_of("accuracy"))

    def rows(self) -> list[dict[str, str]]:
        """The report as rows of a table."""
        return [
            {
                "presentation": str(number),
                "accuracy": f"{self.mean(number):.2%}",
                "95 % interval, same classes": between(self.interval(number), "accuracy"),
                "tasks": f"{len(scores):,}",
            }
            for number, scores in enumerate(self.scores, 1)
        ]

    def __str__(self) -> str:
        lines = [f"{row['presentation']:>4}  {row['accuracy']:>7}  ({row['95 % interval, same classes']})" for row in self.rows()]
        return "\n".join(
            [
                f"{self.model}: accuracy by presentation on {len(self.scores[0]):,} tasks of {self.source} "
                f"(95 % t-intervals for other tasks of the same classes; norm {self.norm}; "
                f"{self.seconds * 1e3:.1f} ms an example, {self.state_bytes:,} bytes a task; task list {self.digest})",
                *lines,
            ]
        )

    def to_json(self) -> dict[str, Any]:
        """Everything, with the means, as JSON."""
        return asdict(self) | {"means": [self.mean(number) for number in range(1, len(self.scores) + 1)]}

    def save(self, path: str | Path) -> None:
        """Writes the report as JSON, whole or not at all."""
        write_whole(Path(path), json.dumps(self.to_json(), indent=1).encode())


def evaluate_stream(
    learner: Learner[Any],
    source: TaskSource[Any],
    *,
    tasks: int = 1000,
    seed: int = 0,
    batch: int = 25,
    strategy: Strategy = "auto",
    progress: Callable[[int, int], None] | None = None,
) -> StreamReport:
    """Evaluates a learner example by example: each of a task's support set is predicted, then learned, in the order it comes.

    Learns by ``update`` where the learner offers it, else by adapting anew to all examples seen so far. The first example of
    a task counts as missed, for nothing is known then; so does every first example of a class, where a learner names only
    classes it has seen. Queries are not used.

    Args:
        learner: any classifier.
        source: of tasks whose support sets are the streams: with 5 ways and 10 shots, 50 presentations in random order.
        tasks: how many.
        seed: of the task list.
        batch: tasks held in memory at once.
        strategy: see `quickstudy.execution.batching`.
        progress: called with (tasks done, tasks) now and then.

    Raises:
        LearnerError: the learner gives values, or a stream has no second example.
        TaskError: no tasks.

    >>> from quickstudy.datasets.arrays import from_arrays
    >>> from quickstudy.learners.metric.proto import ProtoNet
    >>> from quickstudy.tasks.few_shot import FewShot
    >>> labels = torch.arange(100) % 5
    >>> index = from_arrays(torch.eye(5)[labels], labels)
    >>> report = evaluate_stream(ProtoNet(torch.nn.Flatten()), FewShot(index, ways=3, shots=2, queries=1), tasks=4)
    >>> report.mean(1), report.mean(2)
    (0.0, 1.0)
    """
    whole(TaskError, tasks=tasks, batch=batch)
    agree(learner, source)
    if learner.likelihood.metric != "accuracy":
        raise LearnerError(f"presentations are counted by class, but {type(learner).__name__} gives values. Use evaluate().")
    with seeded(seed, 0), torch.no_grad(), evaluating(learner):
        plan = source.plan(tasks, generator_of(seed))
        device = next((p.device for p in learner.parameters()), torch.device("cpu"))
        scores: list[list[float]] = []
        done = 0
        for encoded in encoded_batches(learner, source, plan, batch, device):
            way = choose(learner, encoded, strategy)
            hits: Tensor = over_tasks(lambda task: _hits(learner, task.support), encoded, way)
            require_numbers(torch.where(encoded.support.mask > 0, hits, 0).sum(1), type(learner).__name__, done)
            done += len(hits)
            _sort_in(scores, hits, encoded.support)
            if progress is not None:
                progress(min(tasks, len(scores[0])), tasks)
        seconds, size = _cost(learner, to(source.gather(plan[:_TIMED]), device))
    return StreamReport(
        model=learner.title,
        source=source.name,
        scores=tuple(tuple(each) for each in scores),
        digest=source.digest(plan),
        seed=seed,
        norm=learner.facts.norm,
        seconds=seconds,
        state_bytes=size,
    )


def _hits(learner: Learner[Any], stream: Examples) -> Tensor:
    """Whether each example (S,) was named rightly before it was learned."""
    if len(stream) < 2:
        raise LearnerError("a stream of one example cannot show learning. Give a source with more shots.")
    update = getattr(learner, "update", None)
    state = learner.adapt(stream[:1])
    found = [stream.mask[0] * 0]
    for row in range(1, len(stream)):
        one = stream[row : row + 1]
        found.append(learner.likelihood.rate(learner.predict(state, one.x), one.y)[0])  # NaN for outputs that are NaN
        state = learner.adapt(stream[: row + 1]) if update is None else update(state, one)
    return torch.stack(found)


def _sort_in(scores: list[list[float]], hits: Tensor, stream: Examples) -> None:
    """Adds each task's mean score at each presentation to ``scores``."""
    shown = stream.y * stream.mask[..., None]
    times = (shown.cumsum(1) * shown).sum(-1).round().long()
    for number in range(1, int(times.max()) + 1):
        met = (times == number).to(hits.dtype)
        count = met.sum(1)
        each = ((hits * met).sum(1) / count.clamp(min=1))[count > 0]
        scores += [[]] if len(scores) < number else []
        scores[number - 1] += each.tolist()


def _cost(learner: Learner[Any], tasks: Task) -> tuple[float, int]:
    """Median seconds an example, and the bytes of a state."""
    spent, size = [], 0
    for task in unstack_tasks(tasks):
        support = task.support.trim()
        began = time.perf_counter()
        encoded = support.replace(learner.encode(support.x))
        _hits(learner, encoded)
        spent.append((time.perf_counter() - began) / len(support))
        size = bytes_of(learner.adapt(encoded))
    return statistics.median(spent), size
