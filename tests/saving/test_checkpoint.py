"""Artefacts: bitwise round trips, and damaged, foreign, newer or unwritable files."""

import os
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import nn

from hostile import peak_memory
from hostile.forge import forged
from quickstudy import Examples, learners, load, save
from quickstudy.errors import ArtefactError, LearnerError
from quickstudy.functional.distances import cosine_distance
from quickstudy.functional.unroll import Adam
from quickstudy.inputs.images import Images
from quickstudy.learner import Learner
from quickstudy.nn import MLP, Conv4
from quickstudy.storage.artefact import FORMAT
from quickstudy.storage.blueprint import build


def _support() -> Examples:
    generator = torch.Generator().manual_seed(0)
    return Examples.of(torch.rand(6, 1, 28, 28, generator=generator), torch.tensor([0, 1, 2, 0, 1, 2]))


LEARNERS = {
    "proto": lambda: learners.ProtoNet(Conv4(hidden=8), distance=cosine_distance, scale=10.0, learn_scale=True),
    "maml": lambda: learners.MAML(Conv4(hidden=8, outputs=5, strided=True), inner_steps=2),
    "reptile": lambda: learners.Reptile(MLP(784, (16,), outputs=3, norm=True), rule=Adam(1e-2), test_steps=3),
    "centroid": lambda: learners.NearestCentroid(),
    "neighbours": lambda: learners.NearestNeighbours(k=3),
    "logistic": lambda: learners.LogisticRegression(C=2.0),
    "scratch": lambda: learners.FromScratch(MLP(784, (16,), outputs=3), steps=3),
    "tune": lambda: learners.FineTune(MLP(784, (16,)), features=16, classes=7, steps=2),
}


@pytest.fixture
def predictor_file(tmp_path: Path) -> Path:
    learner = LEARNERS["proto"]()
    learner.reads = Images()
    save(learner(_support(), ["a", "b", "c"]), tmp_path / "predictor.safetensors")
    return tmp_path / "predictor.safetensors"


@pytest.mark.parametrize("name", LEARNERS)
def test_learner_and_predictor_come_back_bitwise(name: str, tmp_path: Path) -> None:
    learner = LEARNERS[name]()
    query = torch.randn(4, 1, 28, 28)
    save(learner, tmp_path / "learner")
    save(learner(_support(), ["a", "b", "c"]), tmp_path / "predictor")
    expected = learner(_support())(query)
    assert torch.equal(load(tmp_path / "learner")(_support())(query), expected)
    predictor = load(tmp_path / "predictor")
    assert torch.equal(predictor(query), expected)
    assert predictor.classes == ("a", "b", "c")
    assert repr(predictor.learner) == repr(learner.eval())


def test_predictor_carries_names_and_preprocessing(predictor_file: Path) -> None:
    predictor = load(predictor_file)
    assert predictor.reads == Images()
    assert set(predictor.names(_support().x)) <= {"a", "b", "c"}


class Own(nn.Module):
    """A network of a user's own."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(784, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x.flatten(1))


def test_network_of_ones_own_needs_like(tmp_path: Path) -> None:
    learner = learners.ProtoNet(Own())
    save(learner, tmp_path / "own")
    with pytest.raises(ArtefactError, match=r"Own of your own.*load\(path, like=learner\)"):
        load(tmp_path / "own")
    fresh = load(tmp_path / "own", like=learners.ProtoNet(Own()))
    assert torch.equal(fresh.encoder.layer.weight, learner.encoder.layer.weight)
    with pytest.raises(ArtefactError, match="do not fit"):
        load(tmp_path / "own", like=learners.ProtoNet(MLP(784, (4,))))


def test_every_truncation_is_refused(predictor_file: Path) -> None:
    whole = predictor_file.read_bytes()
    for size in [0, 1, 7, 8, 9, 100, len(whole) // 2, len(whole) - 1]:
        predictor_file.write_bytes(whole[:size])
        with pytest.raises(ArtefactError, match="truncated or foreign"):
            load(predictor_file)


def test_any_flipped_byte_is_noticed(predictor_file: Path) -> None:
    whole = predictor_file.read_bytes()
    for place in torch.linspace(0, len(whole) - 1, 60).long().tolist():
        changed = bytearray(whole)
        changed[place] ^= 0x41
        predictor_file.write_bytes(bytes(changed))
        with pytest.raises(ArtefactError):
            load(predictor_file)


class Bomb:
    """Unpickling this would leave a trace."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (exec, ("import builtins; builtins.exploded = True",))


def test_foreign_files_are_refused_and_execute_nothing(tmp_path: Path) -> None:
    import builtins

    (tmp_path / "pickle").write_bytes(pickle.dumps(Bomb()))
    (tmp_path / "text").write_text("hello")
    safetensors.torch.save_file({"w": torch.zeros(2)}, tmp_path / "plain")
    for name in ("pickle", "text", "plain", "missing"):
        with pytest.raises(ArtefactError):
            load(tmp_path / name)
    assert not hasattr(builtins, "exploded")


def test_newer_format_asks_for_an_upgrade(predictor_file: Path) -> None:
    forged(predictor_file, format=FORMAT + 1)
    with pytest.raises(ArtefactError, match="newer format.*pip install -U quickstudy"):
        load(predictor_file)


def test_unknown_classes_are_not_built(predictor_file: Path) -> None:
    description = {"learner": {"class": "Popen", "arguments": {"args": "true"}}, "classes": None, "reads": None}
    forged(predictor_file, description=description)
    with pytest.raises(ArtefactError, match="Popen"):
        load(predictor_file)


def test_training_state_is_no_learner(tmp_path: Path) -> None:
    from quickstudy.saving.training import save_training

    learner = LEARNERS["proto"]()
    save_training(tmp_path / "t", 3, learner, torch.optim.Adam(learner.parameters()), None, {})
    with pytest.raises(ArtefactError, match="holds a training, but a learner or predictor is needed"):
        load(tmp_path / "t")


def test_full_disk_keeps_the_old_file(predictor_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = predictor_file.read_bytes()

    def full(*args: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ArtefactError, match=r"No space left on device.*unchanged.*Free some space"):
        save(LEARNERS["maml"](), predictor_file)
    assert predictor_file.read_bytes() == old
    assert [file.name for file in predictor_file.parent.iterdir()] == [predictor_file.name]


def test_no_permission_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file where a folder is needed")
    with pytest.raises(ArtefactError, match="could not be written"):
        save(LEARNERS["centroid"](), tmp_path / "file" / "learner")


def test_altered_keeps_weights_and_changes_the_call(tmp_path: Path) -> None:
    from quickstudy.saving.checkpoint import altered

    learner = LEARNERS["maml"]()
    save(learner, tmp_path / "maml")
    other = load(tmp_path / "maml", like=altered(learner, norm="batch", test_steps=7))
    assert (other.norm, other.test_steps, other.facts.transductive) == ("batch", 7, True)
    assert all(torch.equal(a, b) for a, b in zip(other.state_dict().values(), learner.state_dict().values(), strict=True))
    with pytest.raises(LearnerError, match="no argument nonsense"):
        altered(learner, nonsense=1)


def test_states_hold_tensors_only(tmp_path: Path) -> None:
    class Odd(Learner[Any]):
        def adapt(self, support: Examples) -> Any:
            return {"when": object()}

        def predict(self, state: Any, x: torch.Tensor) -> torch.Tensor:
            return x

    with pytest.raises(ArtefactError, match="cannot be saved without pickle"):
        save(Odd()(_support()), tmp_path / "odd")


def test_double_precision_comes_back_as_it_was(tmp_path: Path) -> None:
    learner = learners.ProtoNet(MLP(784, (8,))).double()
    save(learner, tmp_path / "double")
    found = load(tmp_path / "double")
    pairs = list(zip(learner.parameters(), found.parameters(), strict=True))
    assert all(torch.equal(a, b) and a.dtype == b.dtype == torch.float64 for a, b in pairs)
    with pytest.raises(ArtefactError, match=r"holds .* in torch\.float64, but this ProtoNet has it in torch\.float32.*like\.to"):
        load(tmp_path / "double", like=learners.ProtoNet(MLP(784, (8,))))


class ProtoNet(learners.ProtoNet):
    """A class of one's own, of the name of one of ours."""


def test_a_class_of_ones_own_is_not_taken_for_ours_of_the_same_name(tmp_path: Path) -> None:
    class MAML(learners.ProtoNet):
        def __init__(self, encoder: nn.Module) -> None:
            super().__init__(encoder)

    for kind in (ProtoNet, MAML):
        save(kind(MLP(784, (8,))), tmp_path / "own")
        with pytest.raises(ArtefactError, match=rf"{kind.__name__} of your own.*load\(path, like=learner\)"):
            load(tmp_path / "own")
        fresh = load(tmp_path / "own", like=kind(MLP(784, (8,))))
        assert type(fresh) is kind


def test_plain_sequences_and_linear_layers_are_rebuilt(tmp_path: Path) -> None:
    """A recipe on a pretrained backbone makes its encoder of them, and its run is loaded by the command line without ``like``."""
    encoder = nn.Sequential(MLP(784, (8,)), nn.Sequential(nn.Linear(8, 6, bias=False), nn.Linear(6, 4)))
    save(learners.ProtoNet(encoder), tmp_path / "chain")
    found = load(tmp_path / "chain")
    x = torch.randn(5, 784)
    assert torch.equal(found.encoder(x), encoder(x)) and [type(part) for part in found.encoder[1]] == [nn.Linear, nn.Linear]
    for own in (nn.Sequential(MLP(784, (8,)), nn.Hardswish()), nn.Sequential(OrderedDict(first=MLP(784, (8,))))):
        save(learners.ProtoNet(own), tmp_path / "own")
        with pytest.raises(ArtefactError, match=r"of your own.*load\(path, like=learner\)"):
            load(tmp_path / "own")


@pytest.mark.parametrize(
    "plan",
    [
        {"sequence": [3]},
        {"sequence": 3},
        {"sequence": [{"opaque": "X"}]},
        {"linear": {"in_features": -3, "out_features": 2, "bias": True}},
        {"linear": {"in_features": 3}},
        {"linear": 3},
        {"layer": "Linear", "arguments": {"in_features": 3}},
        {"layer": "Transformer", "arguments": {}},
        {"layer": "Dropout", "arguments": {"p": 7}},
        {"layer": "Tanh", "arguments": {}, "of": "os"},
    ],
)
def test_forged_sequences_and_layers_are_refused(plan: Any) -> None:
    with pytest.raises(ArtefactError):
        build(plan, {})


GIANTS: list[dict[str, Any]] = [
    {"inputs": 10**9, "hidden": [8]},
    {"inputs": 784, "hidden": [10**9]},
    {"inputs": 10**6, "hidden": [10**6]},
    {"inputs": 2, "hidden": [8] * 100_000},
    {"inputs": 10**30, "hidden": [8]},
]


@pytest.mark.parametrize("arguments", GIANTS, ids=["wide", "hidden", "square", "deep", "beyond"])
def test_a_giant_blueprint_is_refused_before_it_is_built(tmp_path: Path, arguments: dict[str, Any]) -> None:
    save(learners.ProtoNet(MLP(784, (8,))), tmp_path / "giant")
    network = {"class": "MLP", "arguments": arguments}
    forged(tmp_path / "giant", description={"learner": {"class": "ProtoNet", "arguments": {"encoder": network}}})
    peak_memory.forget()
    before = peak_memory.kilobytes()
    with pytest.raises(ArtefactError, match="far larger than its weights|not a whole file"):
        load(tmp_path / "giant")
    assert peak_memory.kilobytes() - before < 300_000
