"""Training states: what was saved is what goes on, or a sentence says why not and nothing has changed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.optim import SGD, Adam, Optimizer
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR, StepLR

from hostile.forge import rewritten
from quickstudy import learners, tasks, train
from quickstudy.errors import ArtefactError
from quickstudy.likelihood import Gaussian
from quickstudy.nn import MLP
from quickstudy.saving.training import load_training, save_training

Parts = tuple[Any, Optimizer, LRScheduler]


def parts(hidden: int = 8, schedule: str = "one cycle") -> Parts:
    learner = learners.MAML(MLP(1, (hidden,), outputs=1), inner_lr=0.01, likelihood=Gaussian())
    optimizer = Adam(learner.parameters(), 1e-2)
    rule = OneCycleLR(optimizer, 1e-2, total_steps=10) if schedule == "one cycle" else StepLR(optimizer, 3)
    return learner, optimizer, rule


def trained(made: Parts, start: int, steps: int) -> None:
    learner, optimizer, schedule = made
    for _ in train(learner, tasks.Sinusoid(), steps=steps, start=start, batch=2, optimizer=optimizer, schedule=schedule):
        pass


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = parts()
    trained(made, 0, 4)
    save_training(tmp_path / "t", 4, *made, {"note": 1})
    return tmp_path / "t"


def test_it_goes_on_bit_for_bit(file: Path) -> None:
    torch.manual_seed(0)
    whole = parts()
    start = {name: tensor.clone() for name, tensor in whole[0].state_dict().items()}
    trained(whole, 0, 8)
    half = parts()
    half[0].load_state_dict(start)
    trained(half, 0, 4)
    save_training(file, 4, *half, {"note": 1})
    other = parts()
    assert load_training(file, *other) == (4, {"note": 1})
    trained(other, 4, 8)
    pairs = zip(whole[0].parameters(), other[0].parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def _empty_optimizer(header: dict[str, Any], tensors: list[Tensor]) -> None:
    state = next(part for name, part in header["skeleton"]["dict"] if name == "optimizer")
    next(entry for entry in state["dict"] if entry[0] == "state")[1] = {"dict": []}


def _altered_schedule(header: dict[str, Any], tensors: list[Tensor]) -> None:
    state = next(part for name, part in header["skeleton"]["dict"] if name == "schedule")
    next(entry for entry in state["dict"] if entry[0] == "last_epoch")[1] = 1


def _other_step(header: dict[str, Any], tensors: list[Tensor]) -> None:
    header["description"]["step"] = 3


def _other_moments(header: dict[str, Any], tensors: list[Tensor]) -> None:
    tensors[-1] += 1


CHANGES = [_empty_optimizer, _altered_schedule, _other_step, _other_moments]


@pytest.mark.parametrize("change", CHANGES, ids=[change.__name__ for change in CHANGES])
def test_an_altered_state_is_refused_and_nothing_is_changed(
    file: Path, change: Callable[[dict[str, Any], list[Tensor]], None]
) -> None:
    """Though the file's own checksum fits."""
    file.write_bytes(rewritten(file.read_bytes(), change))
    unchanged(file, parts(), "altered after it was saved")


def unchanged(file: Path, made: Parts, reason: str) -> None:
    before = [p.clone() for p in made[0].parameters()]
    with pytest.raises(ArtefactError, match=reason):
        load_training(file, *made)
    assert all(torch.equal(a, b) for a, b in zip(before, made[0].parameters(), strict=True))
    assert made[1].state_dict()["state"] == {} and made[2].last_epoch == 0


OTHERS: list[tuple[dict[str, Any], str]] = [
    ({"hidden": 9}, r"another learner, optimizer or schedule: network.* is float32 \(8, 1\) there and float32 \(9, 1\) here"),
    ({"schedule": "steps"}, "the schedule differs in"),
]


@pytest.mark.parametrize(("change", "reason"), OTHERS, ids=["learner", "schedule"])
def test_another_learner_or_schedule_is_named(file: Path, change: dict[str, Any], reason: str) -> None:
    unchanged(file, parts(**change), reason)


def test_another_optimizer_is_named(file: Path) -> None:
    learner, _, _ = parts()
    optimizer = SGD(learner.parameters(), 1e-2, momentum=0.9)
    unchanged(file, (learner, optimizer, OneCycleLR(optimizer, 1e-2, total_steps=10)), "the optimizer's groups differ")
