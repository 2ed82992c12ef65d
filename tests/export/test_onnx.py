"""Exported models answer as PyTorch does, whoever runs them: onnxruntime is the oracle, on tasks that no export has seen."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from contract.cases import CASES
from quickstudy import learners
from quickstudy.errors import LearnerError
from quickstudy.export import check, export_onnx, export_pt2, notes, state_inputs
from quickstudy.export.programs import named_tensors
from quickstudy.inputs.columns import Columns
from quickstudy.inputs.images import Images
from quickstudy.inputs.kinds import input_kind
from quickstudy.inputs.texts import Texts
from quickstudy.learner import Learner, Predictor
from quickstudy.likelihood import Gaussian, Labels
from quickstudy.nn import MLP, Conv4, Frozen, LSTMCell, UnitLength
from quickstudy.task import Examples

Make = Callable[[], Learner[Any]]


def read_by(learner: Learner[Any], reads: Any) -> Learner[Any]:
    learner.reads = reads
    return learner.eval()


def conv(*, make: Callable[..., Learner[Any]] = learners.ProtoNet, **arguments: Any) -> Learner[Any]:
    return read_by(make(Conv4(1, 8), **arguments), Images())


def on_conv() -> Learner[Any]:
    return read_by(learners.OnFeatures(Frozen(Conv4(1, 8)), learners.ProtoNet(UnitLength(), scale=10.0)), Images())


def rows(count: int) -> Columns:
    return Columns.fitted({f"c{number}": [-1.0, 0.0, 1.0] for number in range(count)})


SHARED: dict[str, tuple[Make, set[str], int]] = {
    "ProtoNet": (conv, {"queries", "ways"}, 7),
    "R2D2": (lambda: conv(make=learners.R2D2, penalty=1.0), {"queries", "ways"}, 7),
    "MatchingNet": (lambda: conv(make=learners.MatchingNet), {"queries", "ways", "examples"}, 7),
    "MAML": (lambda: read_by(learners.MAML(MLP(784, (16,), outputs=4)), Images()), {"queries", "ways"}, 3),
    "NearestCentroid, texts": (lambda: read_by(learners.NearestCentroid(), Texts(width=256)), {"queries", "ways"}, 7),
    "OnFeatures": (on_conv, {"queries", "ways"}, 7),
    "ProtoNet, labels": (
        lambda: read_by(learners.ProtoNet(MLP(6, (8,)), likelihood=Labels()), rows(6)),
        {"queries", "ways"},
        4,
    ),
    "R2D2, values": (
        lambda: read_by(learners.R2D2(MLP(6, (8,)), penalty=1.0, likelihood=Gaussian()), rows(6)),
        {"queries"},
        1,
    ),
    "ALPaCA": (lambda: read_by(learners.ALPaCA(MLP(6, (8,)), features=8), rows(6)), {"queries"}, 1),
}
"""A learner, what its program leaves free, and ways of the task that it must then answer for."""


NOT_IN_ONNX = {"KernelRidge", "KernelRidge, class weights"}
"""Cases whose prediction is a program of PyTorch alone: ONNX has no sum of absolute differences of all pairs."""


def task(learner: Learner[Any], ways: int, examples: int) -> tuple[Examples, Tensor]:
    """A support set and queries that no export has made up."""
    generator = torch.Generator().manual_seed(17)
    if isinstance(learner.reads, Texts):
        words = ["lost card", "rain today", "my order", "open account", "a refund", "new phone", "late train"]
        texts = [f"{words[n % ways]} number {n}" for n in range(examples)]
        x, queries = learner.reads.batch(texts), learner.reads.batch(["the card is lost", "will it rain?", "where is my order?"])
    else:
        shape = learner.reads.shape if isinstance(learner.reads, Images) else (6,)
        x, queries = torch.rand(examples, *shape, generator=generator), torch.rand(11, *shape, generator=generator)
    kind = learner.likelihood.targets
    if kind == "classes":
        return Examples.of(x, torch.arange(examples) % ways), queries
    wide = torch.randn(examples, ways, generator=generator)
    return Examples(x, wide if kind == "values" else (wide > 0).float(), torch.ones(examples)), queries


def run(path: Path, inputs: dict[str, np.ndarray]) -> dict[str, Tensor]:
    session = onnxruntime.InferenceSession(path)
    names = [output.name for output in session.get_outputs()]
    return {name: torch.as_tensor(value) for name, value in zip(names, session.run(None, inputs), strict=True)}


def same(found: dict[str, Tensor], predictor: Predictor, x: Tensor) -> None:
    outputs, mean = predictor(x), predictor.probabilities(x)
    if "probabilities" in found:
        torch.testing.assert_close(found["probabilities"], mean, atol=1e-5, rtol=0)
    else:
        torch.testing.assert_close(found["values"], mean, atol=1e-5, rtol=1e-5)
    raw = found.get("logits", found.get("outputs", found.get("values")))
    assert raw is not None
    scale = float(outputs.max() - outputs.min()) if outputs.numel() > 1 else float(outputs.abs())
    assert float((raw - outputs).abs().max()) <= 1e-4 * scale


@pytest.mark.parametrize("name", SHARED)
def test_one_program_answers_for_any_task(name: str, tmp_path: Path) -> None:
    make, free, ways = SHARED[name]
    learner, path = make(), tmp_path / "shared.onnx"
    found = export_onnx(learner, path)
    assert set(found.free) == free and found.fixed == {} and found.kind == "learner"
    assert check(path).within() and check(path) == found.deviation
    for examples in (3 * ways + 1, 4 * ways + 2):
        support, x = task(learner, ways, examples)
        predictor = learner(support)
        state = state_inputs(predictor)
        for queries in (x, x[:1]):
            same(run(path, {"x": queries.numpy(), **state}), predictor, queries)


@pytest.mark.parametrize("name", ["ProtoNet", "MAML", "NearestCentroid, texts", "ProtoNet, labels", "ALPaCA"])
def test_a_folded_file_is_its_task(name: str, tmp_path: Path) -> None:
    make, _, ways = SHARED[name]
    learner, path = make(), tmp_path / "mine.onnx"
    support, x = task(learner, ways, 3 * ways)
    classes = [f"class {n}" for n in range(ways)] if learner.likelihood.targets != "values" else None
    predictor = learner(support, classes)
    found = export_onnx(predictor, path)
    assert found.inputs == ("x",) and found.free == ("queries",) and found.kind == "predictor"
    known = notes(path)
    assert known["classes"] == classes and known["versions"]["quickstudy"] and known["targets"] == learner.likelihood.targets
    assert input_kind(known["preprocessing"]["reads"]) == predictor.reads
    same(run(path, {"x": x.numpy()}), predictor, x)
    assert check(path).within()


@pytest.mark.parametrize("name", ["ProtoNet", "MatchingNet", "NearestCentroid, texts", "OnFeatures", "ProtoNet, labels"])
def test_an_adaptation_is_exported_too(name: str, tmp_path: Path) -> None:
    """Its outputs are the inputs of the other file: together they do all that the learner does, without quickstudy."""
    make, _, ways = SHARED[name]
    learner = make()
    found = export_onnx(learner, tmp_path / "a.onnx", adaptation=tmp_path / "a.adapt.onnx")
    assert found.adaptation is not None and set(found.adaptation.free) == {"ways", "examples"}
    assert check(tmp_path / "a.adapt.onnx").within()
    support, x = task(learner, ways, 3 * ways + 1)
    given = {"x": support.x.numpy(), "y": support.y.numpy(), "mask": support.mask.numpy()}
    state = {name: value.numpy() for name, value in run(tmp_path / "a.adapt.onnx", given).items()}
    same(run(tmp_path / "a.onnx", {"x": x.numpy(), **state}), learner(support), x)


def test_a_fixed_size_is_stated_and_others_are_refused(tmp_path: Path) -> None:
    """A memory reads its support set step by step, so that the program of its adaptation is for one number of steps."""
    learner = read_by(learners.MANN(MLP(6, (4,)), LSTMCell(2 * 4 + 3, 3)), rows(6))
    found = export_onnx(learner, tmp_path / "m.onnx", ways=3, shots=2, adaptation=tmp_path / "m.adapt.onnx")
    assert found.adaptation is not None and found.adaptation.fixed["examples"] == 6
    assert notes(tmp_path / "m.adapt.onnx")["fixed"] == found.adaptation.fixed
    for examples in (6, 7):
        support, x = task(learner, 3, examples)
        given = {"x": support.x.numpy(), "y": support.y.numpy(), "mask": support.mask.numpy()}
        if examples == 7:
            with pytest.raises(Exception, match="invalid dimensions"):
                run(tmp_path / "m.adapt.onnx", given)
        else:
            state = {name: value.numpy() for name, value in run(tmp_path / "m.adapt.onnx", given).items()}
            same(run(tmp_path / "m.onnx", {"x": x.numpy(), **state}), learner(support), x)


def test_files_are_the_same_every_time_and_hold_no_paths(tmp_path: Path) -> None:
    learner = conv()
    predictor = learner(task(learner, 3, 9)[0], ["a", "b", "c"])
    for name in ("one.onnx", "two.onnx"):
        export_onnx(predictor, tmp_path / name)
    content = (tmp_path / "one.onnx").read_bytes()
    assert content == (tmp_path / "two.onnx").read_bytes()
    assert b".py" not in content and str(Path.home()).encode() not in content
    model = onnx.load(tmp_path / "one.onnx")
    onnx.checker.check_model(model)
    assert model.producer_name == "quickstudy"


def test_images_are_decimal_numbers_in_the_stated_size(tmp_path: Path) -> None:
    learner = conv()
    export_onnx(learner, tmp_path / "a.onnx")
    known = notes(tmp_path / "a.onnx")
    assert known["preprocessing"]["size"] == [28, 28] and known["preprocessing"]["channels"] == 1
    assert known["inputs"]["x"] == {"shape": ["queries", 1, 28, 28], "type": "float32"}
    assert known["inputs"]["state.means"]["shape"] == ["ways", 8]


def test_weights_of_8_bits_state_what_they_cost(tmp_path: Path) -> None:
    learner = read_by(learners.R2D2(MLP(784, (128,)), penalty=1.0), Images())
    predictor = learner(task(learner, 3, 9)[0], ["a", "b", "c"])
    whole = export_onnx(predictor, tmp_path / "whole.onnx")
    small = export_onnx(predictor, tmp_path / "small.onnx", int8=True)
    assert small.size < 0.5 * whole.size and small.loss is not None and small.loss.queries == 32
    assert 1e-5 < small.loss.deviation.logits < 0.1 and small.loss.agreement is not None and small.loss.agreement > 0.8
    known = notes(tmp_path / "small.onnx")
    assert known["precision"] == "int8" and known["int8"]["logits"] == small.loss.deviation.logits
    assert check(tmp_path / "small.onnx") == small.deviation, "it is checked against twice what it cost"
    x = task(learner, 3, 9)[1]
    wanted = predictor.probabilities(x)
    assert float((run(tmp_path / "small.onnx", {"x": x.numpy()})["probabilities"] - wanted).abs().max()) < 0.1


def test_a_predictor_of_tensors_needs_no_input_kind(tmp_path: Path) -> None:
    """Trees of inputs have an input each."""

    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = nn.Linear(5, 4)

        def forward(self, x: dict[str, Tensor]) -> Tensor:
            found: Tensor = self.network(torch.cat([x["left"], x["right"]], 1))
            return found

    learner = learners.ProtoNet(Both()).eval()
    x = {"left": torch.randn(6, 2), "right": torch.randn(6, 3)}
    predictor = learner(Examples.of(x, torch.arange(6) % 2))
    found = export_onnx(predictor, tmp_path / "a.onnx")
    assert found.inputs == ("x.left", "x.right")
    values = run(tmp_path / "a.onnx", {f"x.{name}": leaf.numpy() for name, leaf in x.items()})
    torch.testing.assert_close(values["logits"], predictor(x), atol=1e-5, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("word", ["texts", "images"])
def test_ready_heads_export_with_their_backbones(word: str, tmp_path: Path) -> None:
    from quickstudy.export.material import material
    from quickstudy.saving.ready import head

    learner = head(word)
    rows = material(learner)
    predictor = learner(rows.support(3, 9), ["a", "b", "c"])
    found = export_onnx(learner, tmp_path / "shared.onnx")
    assert set(found.free) == {"queries", "ways"} and found.size > 10_000_000
    x = rows.queries(4, start=30)
    same(run(tmp_path / "shared.onnx", {"x": x.numpy(), **state_inputs(predictor)}), predictor, x)
    constants = notes(tmp_path / "shared.onnx")["preprocessing"].get("in the program")
    assert word == "texts" or [len(each["mean"]) for each in constants] == [3]


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_every_learner_answers_from_onnx(name: str, tmp_path: Path) -> None:
    """Or says why not; the contract checks the same with torch.export, in double precision."""
    case = CASES[name]
    learner = case.make().eval()
    drawn = case.source().sample(1, torch.Generator().manual_seed(0))
    whole = [side[0].trim() for side in (drawn.support, drawn.query)]
    if learner.facts.transductive or learner.facts.unexportable:
        with pytest.raises(LearnerError, match="is transductive|cannot be exported"):
            export_onnx(learner, tmp_path / "a.onnx", like=whole[0])
        return
    predictor = learner(whole[0])
    if name in NOT_IN_ONNX:
        with pytest.raises(LearnerError, match="ONNX has no operation for aten"):
            export_onnx(predictor, tmp_path / "a.onnx", like=whole[1])
        assert export_pt2(predictor, tmp_path / "a.pt2", like=whole[1]).deviation.within()
        return
    found = export_onnx(predictor, tmp_path / "a.onnx", like=whole[1])
    assert found.deviation.within()
    x = named_tensors(whole[1].x, "x")
    values = run(tmp_path / "a.onnx", {place: leaf.numpy() for place, leaf in x.items()})
    same(values, predictor, whole[1].x)
