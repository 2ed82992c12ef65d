"""The evaluation of streams: predict, then learn; accuracy by presentation."""

import json
from collections import defaultdict
from pathlib import Path

import pytest
import torch
from torch import nn

from contract.cases import blobs
from quickstudy import Examples, evaluate_stream, learners, tasks
from quickstudy.errors import LearnerError, TaskError
from quickstudy.likelihood import Gaussian
from quickstudy.nn import MLP
from quickstudy.task import Task
from quickstudy.tasks.source import generator_of


def source(shots: int | tuple[int, int] = 3, ways: int | tuple[int, int] = 3) -> tasks.FewShot:
    return tasks.FewShot(blobs(), ways, shots, 1)


def by_hand(learner: learners.NearestNeighbours | learners.ProtoNet, stream: tasks.FewShot, count: int) -> list[list[float]]:
    """One example after another through a predictor that was made anew each time."""
    batch = stream.gather(stream.plan(count, generator_of(0)))
    found: list[list[float]] = []
    for number in range(count):
        task: Task = batch[number]
        support, met, hits = task.support.trim(), defaultdict(int), defaultdict(list)
        for row in range(len(support)):
            label = int(support.labels[row])
            met[label] += 1
            said = int(learner(support[:row])(support.x[row : row + 1]).argmax(-1)) if row else -1
            hits[met[label]].append(float(said == label))
        for presentation, each in sorted(hits.items()):
            found += [[]] if len(found) < presentation else []
            found[presentation - 1].append(sum(each) / len(each))
    return found


@pytest.mark.parametrize("sizes", [(3, 3), ((1, 4), (2, 4))], ids=["fixed", "varying"])
@pytest.mark.parametrize("strategy", ["vmap", "loop"])
def test_scores_are_those_of_single_predictions(sizes: tuple[int, int], strategy: str) -> None:
    learner = learners.ProtoNet(MLP(16, (8,)))
    report = evaluate_stream(learner, source(*sizes), tasks=12, batch=5, strategy=strategy)  # type: ignore[arg-type]
    expected = by_hand(learner, source(*sizes), 12)
    assert [list(each) for each in report.scores] == [pytest.approx(each) for each in expected]
    assert report.mean(1) == 0 and report.digest == source(*sizes).digest(source(*sizes).plan(12, generator_of(0)))


def test_a_learner_without_update_adapts_anew() -> None:
    learner = learners.NearestNeighbours()
    assert not hasattr(learner, "update")
    report = evaluate_stream(learner, source(), tasks=6)
    assert [list(each) for each in report.scores] == [pytest.approx(each) for each in by_hand(learner, source(), 6)]


def test_a_perfect_memory_knows_a_class_from_the_second_presentation_on() -> None:
    labels = torch.arange(200) % 10
    from quickstudy.datasets import from_arrays

    stream = tasks.FewShot(from_arrays(torch.eye(10)[labels], labels), 5, 4, 1)
    report = evaluate_stream(learners.ProtoNet(nn.Flatten()), stream, tasks=20)
    assert [report.mean(number) for number in range(1, 5)] == [0, 1, 1, 1]
    assert report.interval(2) == (1.0, 1.0) and report.state_bytes == 4 * (5 * 10 + 5)


def test_the_report_prints_a_line_for_each_presentation_and_is_saved(tmp_path: Path) -> None:
    report = evaluate_stream(learners.ProtoNet(nn.Flatten()), source(), tasks=8)
    lines = str(report).splitlines()
    assert lines[0].startswith("ProtoNet: accuracy by presentation on 8 tasks") and len(lines) == 4
    report.save(tmp_path / "stream.json")
    kept = json.loads((tmp_path / "stream.json").read_text())
    assert kept["means"] == [report.mean(number) for number in (1, 2, 3)] and kept["digest"] == report.digest


def test_the_learner_s_mode_and_the_global_generator_stay_as_they_were() -> None:
    learner = learners.ProtoNet(MLP(16, (8,))).train()
    before = torch.get_rng_state()
    evaluate_stream(learner, source(), tasks=2)
    assert learner.training and torch.equal(before, torch.get_rng_state())


def test_what_is_no_stream_of_classes_is_refused() -> None:
    learner = learners.ProtoNet(nn.Flatten())
    with pytest.raises(TaskError, match="tasks=0 must be a whole number of at least 1"):
        evaluate_stream(learner, source(), tasks=0)
    with pytest.raises(LearnerError, match="more shots"):
        evaluate_stream(learner, tasks.Supervised(blobs(), 4), tasks=2)
    with pytest.raises(LearnerError, match="counted by class"):
        evaluate_stream(learners.MAML(MLP(1, outputs=1), likelihood=Gaussian()), tasks.Sinusoid(), tasks=2)


def test_a_memory_reads_on_where_it_stopped() -> None:
    """What a stream tells is what one support set tells."""
    from quickstudy.nn import LRUA, LSTMCell

    learner = learners.MANN(nn.Flatten(), LRUA(LSTMCell(2 * 16 + 3 + 8, 12), 3, slots=9, width=4, heads=2))
    task: Task = source().sample(1)[0]
    examples: Examples = task.support
    encoded = examples.replace(learner.encode(examples.x))
    state = learner.adapt(encoded[:1])
    for row in range(1, len(encoded)):
        state = learner.update(state, encoded[row : row + 1])
    whole = learner.predict(learner.adapt(encoded), learner.encode(task.query.x))
    torch.testing.assert_close(learner.predict(state, learner.encode(task.query.x)), whole)
