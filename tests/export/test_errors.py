"""What cannot be exported, and files that are no exports: one sentence each, and nothing is written."""

import builtins
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnx
import pytest
import torch
from torch import Tensor, nn

from quickstudy import learners
from quickstudy.errors import ArtefactError, LearnerError, MissingExtra, ShapeError
from quickstudy.export import check, export_onnx, export_pt2, notes
from quickstudy.inputs.images import Images
from quickstudy.learner import Facts
from quickstudy.learners.metric.proto import Prototypes
from quickstudy.nn import MLP
from quickstudy.task import Examples


def support(ways: int = 2) -> Examples:
    return Examples.of(torch.randn(3 * ways, 4, generator=torch.Generator().manual_seed(0)), torch.arange(3 * ways) % ways)


def proto() -> learners.ProtoNet:
    return learners.ProtoNet(nn.Linear(4, 3))


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    export_onnx(proto()(support()), tmp_path / "good.onnx")
    return tmp_path / "good.onnx"


class Drifts(learners.ProtoNet):
    """Answers otherwise in a program than in PyTorch."""

    def predict(self, state: Prototypes, x: Tensor) -> Tensor:
        return super().predict(state, x) * (1.001 if torch.compiler.is_exporting() else 1.0)


def transductive() -> learners.MAML:
    return learners.MAML(MLP(4, (8,), outputs=2, norm=True), norm="batch")


REFUSED: dict[str, tuple[Callable[[Path], Any], type[Exception], str]] = {
    "no learner": (lambda p: export_onnx(nn.Linear(2, 2), p), LearnerError, "not a Linear"),
    "transductive": (lambda p: export_onnx(transductive(), p, like=support()), LearnerError, "MAML is transductive"),
    "a transductive predictor": (lambda p: export_onnx(transductive()(support()), p), LearnerError, "is transductive"),
    "unknown inputs": (lambda p: export_onnx(proto(), p), LearnerError, "Give a support set of raw inputs: like"),
    "too many ways": (
        lambda p: export_onnx(learners.MAML(MLP(4, (8,), outputs=2)), p, like=support(), ways=3),
        ShapeError,
        "Give another number of ways",
    ),
    "inner gradients": (
        lambda p: export_onnx(learners.MAML(MLP(4, (8,), outputs=2)), p, like=support(), adaptation=p.with_name("b.onnx")),
        LearnerError,
        "its inner loop takes gradients",
    ),
    "a solver that iterates": (
        lambda p: export_onnx(learners.LRD2(nn.Linear(4, 3)), p, like=support(), adaptation=p.with_name("b.onnx")),
        LearnerError,
        "it iterates until",
    ),
    "no operation in ONNX": (
        lambda p: export_onnx(learners.R2D2(nn.Linear(4, 3)), p, like=support(), adaptation=p.with_name("b.onnx")),
        LearnerError,
        "solve",
    ),
    "adapted already": (
        lambda p: export_onnx(proto()(support()), p, adaptation=p.with_name("b.onnx")),
        LearnerError,
        "holds its task already",
    ),
    "no weights for 8 bits": (lambda p: export_onnx(proto_of_nothing()(support()), p, int8=True), LearnerError, "Leave int8 out"),
    "another answer": (lambda p: export_onnx(Drifts(nn.Linear(4, 3))(support()), p), ArtefactError, "so it was not written"),
    "another answer, pt2": (lambda p: export_pt2(Drifts(nn.Linear(4, 3))(support()), p), ArtefactError, "so it was not written"),
}


def proto_of_nothing() -> learners.ProtoNet:
    return learners.ProtoNet(nn.Identity())


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_said_why_and_nothing_is_written(name: str, tmp_path: Path) -> None:
    make, kind, says = REFUSED[name]
    with pytest.raises(kind, match=says):
        make(tmp_path / "a.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_declared_reason_is_given(tmp_path: Path) -> None:
    learner = proto()
    learner.facts = replace(learner.facts, unexportable="it asks a database")
    with pytest.raises(LearnerError, match="ProtoNet cannot be exported: it asks a database"):
        export_onnx(learner, tmp_path / "a.onnx", like=support())
    assert Facts().unexportable_adaptation == ""


@pytest.mark.parametrize("missing", ["onnx", "onnxscript", "onnxruntime"])
def test_a_missing_package_is_named(missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == missing:
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtra, match=rf'needs the package "{missing}"\. Install it: pip install "quickstudy\[export\]"'):
        export_onnx(proto()(support()), tmp_path / "a.onnx")
    assert list(tmp_path.iterdir()) == []


def altered(path: Path, change: Callable[[Any], None]) -> None:
    model = onnx.load(path)
    change(model)
    onnx.save(model, path)


def other_weights(model: Any) -> None:
    first = next(each for each in model.graph.initializer if onnx.numpy_helper.to_array(each).size > 3)
    first.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(first) + 1, first.name))


def note(number: int, text: str) -> Callable[[Any], None]:
    def change(model: Any) -> None:
        entry = sorted(model.metadata_props, key=lambda each: str(each.key))[number]
        entry.value = text

    return change


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (other_weights, "answers otherwise than when it was exported"),
        (note(1, "no text of ours!"), "the self-test is damaged"),
        (note(1, ""), "the self-test is damaged"),
        (note(0, "{"), "notes of this model are damaged"),
        (note(0, "[]"), "notes of this model are damaged"),
        (note(0, "{}"), "state no tolerance"),
        (note(0, '{"tolerance": {"logits": "nan", "probabilities": 1}}'), "answers otherwise"),
        (lambda model: model.ClearField("metadata_props"), "carries no self-test"),
    ],
)
def test_an_altered_file_does_not_pass(change: Callable[[Any], None], says: str, exported: Path) -> None:
    altered(exported, change)
    with pytest.raises(ArtefactError, match=says):
        check(exported)


def test_what_is_no_export_is_refused(exported: Path, tmp_path: Path) -> None:
    (tmp_path / "noise.onnx").write_bytes(bytes(range(256)) * 20)
    (tmp_path / "short.onnx").write_bytes(exported.read_bytes()[:-200])
    (tmp_path / "empty.onnx").write_bytes(b"")
    for name in ("noise.onnx", "short.onnx", "empty.onnx"):
        with pytest.raises(ArtefactError, match="onnxruntime cannot run this model|carries no self-test"):
            check(tmp_path / name)
    for name in ("nothing.onnx", "."):
        with pytest.raises(ArtefactError, match="is no file"):
            notes(tmp_path / name)


def test_a_program_of_pytorch_is_never_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    learner = proto()
    learner.reads = Images((2, 2))
    predictor = learner(support())
    found = export_pt2(predictor, tmp_path / "a.pt2")
    assert found.kind == "predictor" and found.deviation.within()
    x = torch.rand(5, 4)
    program = torch.export.load(tmp_path / "a.pt2").module()
    for queries in (x, x[:1]):
        torch.testing.assert_close(program([queries])[0], predictor(queries))
    assert b".py" not in (tmp_path / "a.pt2").read_bytes()
    monkeypatch.setattr(torch.export, "load", lambda *_: pytest.fail("loaded"))
    with pytest.raises(ArtefactError, match="unpickles when it loads one"):
        check(tmp_path / "a.pt2")
    with pytest.raises(ArtefactError, match="unpickles when it loads one"):
        notes(tmp_path / "a.pt2")
