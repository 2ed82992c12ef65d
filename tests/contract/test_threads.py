"""Eight threads ask four predictors of one learner, and adapt it, at once: every answer is the one that a single thread gets."""

import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from contract.cases import CASES
from quickstudy.task import Task

THREADS, PREDICTORS, ASKED, ADAPTED = 8, 4, 100, 4

CHOSEN = {
    "MAML", "ANIL", "ProtoMAML", "MAMLPlusPlus", "CAVIA", "LEO", "CNAPs", "HyperNetwork", "MetaNetworks", "MANN",
    "NeuralTuringMachine", "SNAIL", "SequenceTransducer", "MetaRegularised",
}  # fmt: skip
NAMES = {name.split(",")[0]: name for name in reversed(CASES) if name.split(",")[0] in CHOSEN}


@pytest.fixture(autouse=True)
def _nimble() -> Iterator[None]:
    """Threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def all_at_once(job: Callable[[int], None]) -> None:
    """Runs ``job(number)`` in threads that begin together; the first error of one is raised."""
    together, errors = threading.Barrier(THREADS), []

    def run(number: int) -> None:
        together.wait()
        try:
            job(number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


@pytest.mark.parametrize("name", NAMES.values())
def test_threads_get_the_answers_of_one_thread(name: str) -> None:
    case = CASES[name]
    learner: Any = case.make().train()
    batch = case.source().sample(PREDICTORS, torch.Generator().manual_seed(0))
    tasks = [Task(task.support.trim(), task.query.trim()) for task in map(batch.__getitem__, range(PREDICTORS))]
    predictors = [learner(task.support) for task in tasks]
    expected: list[Tensor] = [predictor(task.query.x) for predictor, task in zip(predictors, tasks, strict=True)]
    wrong = [0] * THREADS

    def ask(number: int) -> None:
        for turn in range(number, number + ASKED):
            which = turn % PREDICTORS
            wrong[number] += not torch.equal(predictors[which](tasks[which].query.x), expected[which])

    def adapt(number: int) -> None:
        for turn in range(number, number + ADAPTED):
            which = turn % PREDICTORS
            wrong[number] += not torch.equal(learner(tasks[which].support)(tasks[which].query.x), expected[which])

    all_at_once(ask)
    all_at_once(adapt)
    assert wrong == [0] * THREADS
    assert learner.training and len({predictor.learner for predictor in predictors}) == 1


def test_the_chosen_are_all_there() -> None:
    assert set(NAMES) == CHOSEN
