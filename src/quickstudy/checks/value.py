"""Points 14 and 15 of the battery: a predictor is a value, independent of other threads and of later training."""

import copy
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from quickstudy.checks.record import Broken, Excused, Held, Outcome
from quickstudy.checks.scene import Scene, apart, outputs, seeded
from quickstudy.learner import Learner
from quickstudy.nn.frozen import Frozen
from quickstudy.task import Task

__all__ = ["predictors_do_not_drift", "threads_do_not_mix"]

_ASKED, _ADAPTED = 20, 5


def threads_do_not_mix(scene: Scene) -> Outcome:
    """Two threads that call two predictors, or adapt the learner, at the same time get the outputs of a single thread."""
    learner, tasks = scene.fresh(train=True), [_trimmed(task) for task in (scene.tasks[0], scene.tasks[1])]
    predictors = [learner(task.support) for task in tasks]
    asks = [partial(predictor, task.query.x) for predictor, task in zip(predictors, tasks, strict=True)]
    expected = [ask() for ask in asks]
    if not all(torch.equal(ask(), answer) for ask, answer in zip(asks, expected, strict=True)):
        return Excused("stochastic=True, and predictions are drawn anew each time")
    found = max(_at_once(asks, expected, _ASKED))
    if found > 0:
        raise Broken(f"two predictors gave other outputs when called from two threads: deviation {found:.2g}")
    if scene.learner.facts.stochastic:
        return Held("bitwise; adapting is random and was not compared")
    found = max(_at_once([partial(_anew, learner, task) for task in tasks], expected, _ADAPTED))
    if found > 0:
        raise Broken(f"one learner adapted in two threads predicts differently: deviation {found:.2g}")
    return Held("bitwise")


def _anew(learner: Learner[Any], task: Task) -> Tensor:
    """Outputs of a predictor that is made for this one call."""
    outputs: Tensor = learner(task.support)(task.query.x)
    return outputs


def _trimmed(task: Task) -> Task:
    return Task(task.support.trim(), task.query.trim())


def _at_once(asks: Sequence[Callable[[], Tensor]], expected: Sequence[Tensor], times: int) -> list[float]:
    """The largest deviation that each thread saw; an error in one of them is raised."""
    together, found, errors = threading.Barrier(len(asks)), [0.0] * len(asks), []

    def run(number: int) -> None:
        together.wait()
        try:
            for _ in range(times):
                answer = asks[number]()
                if not torch.equal(answer, expected[number]):
                    found[number] = max(found[number], apart(answer, expected[number]))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(asks))]
    with _taking_turns():
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if errors:
        raise errors[0]
    return found


@contextmanager
def _taking_turns() -> Iterator[None]:
    """Threads change as often as they can, so that few calls show what would otherwise happen once in hundreds."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def predictors_do_not_drift(scene: Scene) -> Outcome:
    """A predictor does not change when its learner trains on, and the next predictor contains what was learned."""
    learner, task = scene.fresh(train=True), scene.task
    predictor = seeded(lambda: learner(task.support))
    before = seeded(lambda: predictor(task.query.x))
    _train_on(learner)
    after = seeded(lambda: predictor(task.query.x))
    if not torch.equal(after, before):
        raise Broken(f"a predictor changed while its learner trained: deviation {apart(after, before):.2g}")
    clone = copy.deepcopy(learner).eval()
    expected, found = seeded(lambda: outputs(clone, task.support, task.query.x)), seeded(partial(_anew, learner, task))
    if not torch.equal(found, expected):
        raise Broken(f"a predictor made after training does not contain what was learned: deviation {apart(found, expected):.2g}")
    return Held("bitwise")


def _train_on(learner: Learner[Any]) -> None:
    """Changes every tensor that training may change, in place as optimizers do."""
    frozen = {id(t) for part in learner.modules() if isinstance(part, Frozen) for t in _tensors(part.encoder)}
    with torch.no_grad():
        for tensor in _tensors(learner):
            if id(tensor) not in frozen and tensor.is_floating_point():
                tensor.mul_(1.01).add_(0.001)
    learner.advance()


def _tensors(module: nn.Module) -> list[Tensor]:
    """Weights, buffers, and tensors that are not registered."""
    loose = [value for part in module.modules() for value in vars(part).values() if isinstance(value, Tensor)]
    return [*module.parameters(), *module.buffers(), *loose]
