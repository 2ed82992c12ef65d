"""A saved file answers at each load as it did where it was saved, or is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from hostile.forge import header_of, rewritten
from quickstudy import learners
from quickstudy.errors import ArtefactError
from quickstudy.inputs.images import Images
from quickstudy.inputs.made_up import made_up
from quickstudy.learner import Learner, Predictor
from quickstudy.nn import MLP
from quickstudy.saving.checkpoint import load, save
from quickstudy.saving.self_test import given
from quickstudy.storage.artefact import read, unpack
from quickstudy.task import Examples

SUPPORT = Examples.of(torch.randn(6, 4, generator=torch.Generator().manual_seed(0)), [0, 1, 2] * 2)


class Sequences(nn.Module):
    """Refuses rows of negative numbers, in its own way."""

    def forward(self, x: Tensor) -> Tensor:
        if bool((x < 0).any()):
            raise KeyError("no such time")
        return x


class Parts(nn.Module):
    """Gives its parts by name, in an order of its own."""

    def __init__(self, *names: str) -> None:
        super().__init__()
        self.names = names

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {name: x.flatten(1)[:, : len(name)] for name in self.names}


class Named(learners.ProtoNet):
    """Has an encoder of several parts."""

    def encode(self, x: Tensor) -> Any:
        return self.encoder(x)


def predictor(learner: Learner[Any]) -> Predictor:
    return learner.eval()(SUPPORT, ["a", "b", "c"])


def changed(path: Path, change: Callable[[dict[str, Any], list[Tensor]], None]) -> Path:
    path.write_bytes(rewritten(path.read_bytes(), change))
    return path


def kept(path: Path) -> Any:
    found = read(path, ("learner", "predictor"))
    return unpack(dict(found.skeleton["dict"])["self_test"], found.tensors)


@pytest.mark.parametrize("learner", [learners.ProtoNet(MLP(4, (8,))), learners.MAML(MLP(4, (8,), outputs=3))])
def test_a_predictor_keeps_its_outputs_for_rows_made_up_anew(learner: Learner[Any], tmp_path: Path) -> None:
    path, whole = tmp_path / "p", predictor(learner)
    save(whole, path)
    assert whole.rows is not None
    assert torch.equal(kept(path)["outputs"][0], whole(made_up(None, whole.rows, 2)))
    again = load(path)
    assert torch.equal(again(SUPPORT.x), whole(SUPPORT.x))
    save(again, tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == path.read_bytes()


def test_an_encoder_keeps_its_features(tmp_path: Path) -> None:
    learner = learners.ProtoNet(nn.Sequential(nn.Flatten(), nn.Linear(48, 5), nn.Dropout(0.5)))
    learner.reads = Images(size=(4, 4), channels=3)
    save(learner.train(), tmp_path / "l")
    assert learner.training
    with torch.no_grad():
        assert torch.equal(kept(tmp_path / "l")["outputs"][0], learner.eval().encode(made_up(learner.reads, None, 2)))
    assert isinstance(load(tmp_path / "l", like=learner), learners.ProtoNet)


def test_other_weights_under_a_right_checksum_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "p"
    save(predictor(learners.ProtoNet(MLP(4, (8,)))), path)
    place = next(n for n, t in enumerate(read(path, ("predictor",)).tensors) if t.shape == (8, 4))

    def other(header: dict[str, Any], tensors: list[Tensor]) -> None:
        tensors[place] += 0.1

    with pytest.raises(ArtefactError, match=r"otherwise than where it was saved: .* load\(path, check=False\)"):
        load(changed(path, other))
    assert isinstance(load(path, check=False), Predictor)


def test_a_state_that_does_not_fit_is_refused_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "p"
    whole = predictor(learners.ProtoNet(MLP(4, (8,))))
    save(whole, path)
    place = next(n for n, t in enumerate(read(path, ("predictor",)).tensors) if t.shape == (3, 8))

    def cut(header: dict[str, Any], tensors: list[Tensor]) -> None:
        tensors[place] = tensors[place][:, :5]

    with pytest.raises(ArtefactError, match="fails its self-test"):
        load(changed(path, cut))


def test_a_small_deviation_passes(tmp_path: Path) -> None:
    path = tmp_path / "p"
    save(predictor(learners.ProtoNet(MLP(4, (8,)))), path)
    place = next(n for n, t in enumerate(read(path, ("predictor",)).tensors) if t.shape == (8, 4))

    def shift(header: dict[str, Any], tensors: list[Tensor]) -> None:
        tensors[place] *= 1 + 1e-5

    assert isinstance(load(changed(path, shift)), Predictor)


def test_what_cannot_be_tested_carries_none(tmp_path: Path) -> None:
    own = learners.ProtoNet(Sequences()).eval()(SUPPORT.replace(SUPPORT.x.abs()))
    assert given(own) == {} == given(learners.MAML(MLP(4, (8,), outputs=3))) == given(learners.ProtoNet(MLP(4, (8,))))
    save(own, tmp_path / "p")
    assert load(tmp_path / "p", like=learners.ProtoNet(Sequences())).names(SUPPORT.x.abs()[:1])


def test_files_from_before_there_were_self_tests_load(tmp_path: Path) -> None:
    path = tmp_path / "p"
    save(predictor(learners.ProtoNet(MLP(4, (8,)))), path)

    def older(header: dict[str, Any], tensors: list[Tensor]) -> None:
        header["skeleton"]["dict"] = [pair for pair in header["skeleton"]["dict"] if pair[0] != "self_test"]

    assert isinstance(load(changed(path, older)), Predictor)


def test_rows_of_any_size_that_a_file_claims_take_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "l"
    learner = learners.ProtoNet(nn.Flatten())
    learner.reads = Images(size=(4, 4))
    save(learner, path)
    reads = header_of(path.read_bytes())["description"]["reads"] | {"size": [4096, 4096]}

    def huge(header: dict[str, Any], tensors: list[Tensor]) -> None:
        header["description"]["reads"] = reads

    assert load(changed(path, huge), like=learner).reads.size == (4096, 4096)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_another_precision_of_the_weights_or_of_the_process_is_no_fault(dtype: torch.dtype, tmp_path: Path) -> None:
    learner = learners.ProtoNet(MLP(48, (5,)))
    learner.reads = Images(size=(4, 4), channels=3)
    learner.to(dtype)
    save(learner, tmp_path / "l")
    assert kept(tmp_path / "l")["outputs"][0].dtype == dtype
    torch.set_default_dtype(torch.float64)
    assert isinstance(load(tmp_path / "l"), learners.ProtoNet)


def test_the_order_of_named_parts_is_free(tmp_path: Path) -> None:
    learner = Named(Parts("long", "a"))
    learner.reads = Images(size=(4, 4))
    save(learner, tmp_path / "l")
    assert [tuple(each.shape) for each in kept(tmp_path / "l")["outputs"]] == [(2, 1), (2, 4)]
    assert load(tmp_path / "l", like=Named(Parts("a", "long")))
