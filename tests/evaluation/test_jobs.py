"""Tasks shared by several processes: the scores of one process, for learners, estimators and functions; errors with a remedy."""

import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier
from torch import Tensor

from quickstudy import datasets, evaluate, learners, metrics, nn, tasks
from quickstudy.errors import ArgumentError, LearnerError, RunError
from quickstudy.evaluation.controls import ShuffledSupport
from quickstudy.execution.jobs import jobs_of
from quickstudy.metrics.predicted import Predicted
from quickstudy.reports.report import Report
from quickstudy.task import Examples

COUNT = 60
Model = Callable[[Examples], Callable[[Any], Any]]


@pytest.fixture(scope="module")
def source() -> tasks.FewShot:
    return tasks.FewShot(datasets.glyphs().test, ways=3, shots=2, queries=3)


def proto() -> learners.ProtoNet:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return learners.ProtoNet(nn.Conv4(hidden=4, strided=True))


def drawing() -> Model:
    """A function that draws from every global generator."""

    def learned(support: Examples) -> Callable[[Tensor], Tensor]:
        ways = support.y.shape[1]
        return lambda x: torch.rand(len(x), ways) + torch.from_numpy(np.random.rand(len(x), ways)) + random.random()

    return learned


def shuffled() -> ShuffledSupport:
    return ShuffledSupport(learners.NearestNeighbours(k=1))


MODELS: dict[str, Callable[[], Any]] = {
    "learner": proto,
    "learner that draws": shuffled,
    "estimator": lambda: KNeighborsClassifier(1),
    "function that draws": drawing,
}


def numbers(report: Report) -> tuple[Any, ...]:
    return report.scores, report.digest, [score.value for score in report.others], report.by_class


@pytest.mark.parametrize("name", MODELS)
def test_two_processes_score_as_one(name: str, source: tasks.FewShot) -> None:
    model = MODELS[name]()
    given: dict[str, Any] = {"tasks": COUNT, "strategy": "loop" if name == "learner that draws" else "auto"}
    given |= {"metrics": [metrics.ece]} if name == "learner" else {}
    before = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()
    alone, two = (evaluate(model, source, jobs=jobs, **given) for jobs in (1, 2))
    assert numbers(two) == numbers(alone)
    assert torch.equal(torch.get_rng_state(), before[0]) and np.random.get_state()[1].tolist() == before[1]
    assert random.getstate() == before[2]


def test_what_is_watched_comes_in_order(source: tasks.FewShot) -> None:
    def seen(jobs: int) -> tuple[list[Tensor], list[tuple[int, int]]]:
        found: list[Tensor] = []
        told: list[tuple[int, int]] = []

        def watch(predicted: Predicted, y: Tensor) -> None:
            found.append(torch.cat([predicted.outputs, y], 1))

        evaluate(proto(), source, tasks=COUNT, jobs=jobs, watch=watch, progress=lambda *done: told.append(done))
        return found, told

    (one, steps), (two, same) = seen(1), seen(2)
    assert len(one) == COUNT and all(torch.equal(a, b) for a, b in zip(one, two, strict=True))
    assert steps == same and steps[-1] == (COUNT, COUNT)


def test_the_encoder_runs_in_this_process_alone(source: tasks.FewShot) -> None:
    """Each row is encoded once, whatever the number of processes."""
    learner = proto()
    rows = []
    original = learner.encode
    learner.__dict__["encode"] = None
    del learner.__dict__["encode"]

    class Counting(type(learner)):  # type: ignore[misc]
        def encode(self, x: Any) -> Any:
            rows.append(len(x))
            return original(x)

    learner.__class__ = Counting
    evaluate(learner, source, tasks=COUNT, jobs=1)
    once = sum(rows)
    rows.clear()
    evaluate(learner, source, tasks=COUNT, jobs=2)
    assert sum(rows) == once


@pytest.mark.parametrize("kind", ["threading", "loky"])
def test_the_backend_is_the_users(kind: str, source: tasks.FewShot) -> None:
    alone = evaluate(shuffled(), source, tasks=COUNT, strategy="loop")
    with joblib.parallel_config(kind, n_jobs=2):
        assert jobs_of(None) == 2
        assert evaluate(shuffled(), source, tasks=COUNT, strategy="loop").scores == alone.scores


def test_a_dask_cluster_scores_as_one_process(source: tasks.FewShot) -> None:
    distributed = pytest.importorskip("distributed", reason='Dask is not installed: pip install "quickstudy[dev]"')
    found = {}
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50) as cluster,
        distributed.Client(cluster),
        joblib.parallel_config("dask"),
    ):
        assert jobs_of(None) == 2
        for name in ("learner that draws", "function that draws"):
            way: Any = "loop" if name == "learner that draws" else "auto"
            found[name] = [evaluate(MODELS[name](), source, tasks=COUNT, strategy=way, jobs=jobs).scores for jobs in (1, None)]
    assert all(there == here for here, there in found.values())


def test_what_cannot_be_pickled_is_refused_with_the_remedy(source: tasks.FewShot) -> None:
    with Path(os.devnull).open("w") as file:

        def writes(support: Examples) -> Callable[[Any], Any]:
            file.write("task")
            return lambda x: torch.zeros(len(x))

        with pytest.raises(LearnerError, match=r"^writes cannot be sent to other processes .*Mend that, or leave out jobs\.$"):
            evaluate(writes, source, tasks=2, jobs=2)
        learner = proto()
        learner.file = file
        with pytest.raises(LearnerError, match="^ProtoNet cannot be sent"):
            evaluate(learner, source, tasks=2, jobs=2)


def test_what_another_process_cannot_import_is_refused_with_the_remedy(source: tasks.FewShot) -> None:
    class Elsewhere:
        def __reduce__(self) -> Any:
            return __import__, ("a_module_of_this_machine_alone",)

        def fit(self, x: Any, y: Any) -> Any: ...

        def predict(self, x: Any) -> Any: ...

    with pytest.raises(LearnerError, match=r"could not open what was sent \(ModuleNotFoundError: .*alone.*leave out jobs"):
        evaluate(Elsewhere(), source, tasks=2, jobs=2)


def test_errors_of_a_model_come_back_with_the_task(source: tasks.FewShot) -> None:
    def wrong(support: Examples) -> Any:
        raise ZeroDivisionError("no")

    with pytest.raises(ZeroDivisionError) as found:
        evaluate(wrong, source, tasks=2, jobs=2)
    assert found.value.__notes__[0].startswith("This was raised by wrong in task ")


def test_a_process_that_ends_is_said(source: tasks.FewShot) -> None:
    def ends(support: Examples) -> Any:
        os._exit(3)

    with pytest.raises(RunError, match=r"a process ended before its work was done; .* Lower jobs=2\."):
        evaluate(ends, source, tasks=2, jobs=2)


@pytest.mark.parametrize("jobs", [0, 1.5, "2", True])
def test_no_number_of_processes_is_refused(jobs: Any, source: tasks.FewShot) -> None:
    with pytest.raises(ArgumentError, match="^jobs=.* must be a whole number of processes, or -1 for all cores"):
        evaluate(KNeighborsClassifier(1), source, tasks=2, jobs=jobs)
