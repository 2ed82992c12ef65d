"""Any input kind travels with learners and predictors: from a raw thing to an answer, through a file and back."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from quickstudy.datasets.arrays import from_arrays
from quickstudy.datasets.class_index import ClassIndex
from quickstudy.datasets.store import open_store, write_store
from quickstudy.errors import ArtefactError, LearnerError
from quickstudy.execution.agreement import agree, hand_reads
from quickstudy.inputs.columns import Columns
from quickstudy.inputs.kind import InputKind
from quickstudy.inputs.texts import Texts
from quickstudy.learners.metric.proto import ProtoNet
from quickstudy.saving.checkpoint import load, save
from quickstudy.tasks.few_shot import FewShot

THINGS: dict[str, tuple[InputKind, list[Any]]] = {
    "texts": (Texts(32), ["lost card", "stolen card", "rain today", "sun today"]),
    "columns": (
        Columns.fitted({"age": [1.0, 2.0, 8.0, 9.0]}),
        [{"age": 1.0}, {"age": 2.0}, {"age": 8.0}, {"age": 9.0}],
    ),
}


@pytest.fixture(params=sorted(THINGS))
def scene(request: pytest.FixtureRequest) -> tuple[ClassIndex, list[Any]]:
    reads, things = THINGS[request.param]
    return from_arrays(things, [0, 0, 1, 1], classes=["a", "b"], reads=reads), things


def test_from_a_raw_thing_to_a_name_and_through_a_file(scene: tuple[ClassIndex, list[Any]], tmp_path: Path) -> None:
    index, things = scene
    learner = ProtoNet(nn.Flatten())
    hand_reads(learner, FewShot(index, ways=2, shots=1, queries=1))
    assert learner.reads == index.reads
    predictor = learner(index.examples(), index.classes)
    assert predictor.names(things) == ["a", "a", "b", "b"] and predictor.names(things[0]) == ["a"]
    save(predictor, tmp_path / "mine.safetensors")
    again = load(tmp_path / "mine.safetensors", like=ProtoNet(nn.Flatten()))
    assert again.reads == index.reads
    assert torch.equal(again(things), predictor(index.gather(torch.arange(4))))


def test_a_store_keeps_the_kind(scene: tuple[ClassIndex, list[Any]], tmp_path: Path) -> None:
    index, _ = scene
    write_store(tmp_path / "store", index)
    again = open_store(tmp_path / "store")
    assert again.reads == index.reads and torch.equal(again.gather(torch.arange(4)), index.gather(torch.arange(4)))


def test_a_learner_of_another_kind_is_refused(scene: tuple[ClassIndex, list[Any]]) -> None:
    index, _ = scene
    learner = ProtoNet(nn.Flatten())
    learner.reads = Texts(7)
    with pytest.raises(LearnerError, match=r"was trained on texts as Texts\(width=7.*reads=learner.reads"):
        agree(learner, FewShot(index, ways=2, shots=1, queries=1))


@pytest.mark.parametrize("record", [{"kind": "os.system"}, {"kind": "columns", "columns": [{"name": "a", "deviation": -1.0}]}, 7])
def test_a_file_with_a_record_that_is_none_is_refused(record: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    learner = ProtoNet(nn.Flatten())
    learner.reads = Texts(7)
    monkeypatch.setattr(Texts, "to_json", lambda self: record)
    save(learner, tmp_path / "mine.safetensors")
    with pytest.raises(ArtefactError, match="describes its inputs in a way that this version cannot read"):
        load(tmp_path / "mine.safetensors", like=ProtoNet(nn.Flatten()))
