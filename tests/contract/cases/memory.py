"""Cases of the model-based learners."""

from functools import partial
from typing import Any

import torch
from torch import nn

from contract.cases.ground import INPUTS, Case, built, encoder, few
from quickstudy import datasets, learners, tasks
from quickstudy.checks import Training
from quickstudy.nn import LRUA, NTM, CausalNet, FeedForward, LSTMCell

WAYS = 3


def bindings(shots: int | tuple[int, int] = 1, ways: int | tuple[int, int] = 2) -> tasks.TaskSource[Any]:
    """Three signals that nobody can mistake, two or three of them in a task: all there is to learn is which is which."""
    labels = torch.arange(3).repeat_interleave(20)
    signals = 3 * nn.functional.one_hot(labels, INPUTS) + 0.3 * torch.randn(
        60, INPUTS, generator=torch.Generator().manual_seed(0)
    )
    return tasks.FewShot(datasets.from_arrays(signals, labels, name="signals"), ways, shots, 5)


def tape() -> nn.Module:
    return NTM(FeedForward(INPUTS + WAYS + 2 * 6, 24), WAYS, slots=8, width=6, reads=2, writes=2)


def slots() -> nn.Module:
    return LRUA(LSTMCell(2 * INPUTS + WAYS + 2 * 6, 24), WAYS, slots=12, width=6, heads=2)


def lstm() -> nn.Module:
    return LSTMCell(2 * INPUTS + WAYS, WAYS)


def causal() -> nn.Module:
    return CausalNet(INPUTS + WAYS, WAYS, length=7, filters=8, attentions=((8, 8), (8, 8)))


def copier() -> nn.Module:
    return NTM(FeedForward(3 + 6, 16), 2, slots=4, width=6)


long = Training(600, lr=0.003)

CASES: dict[str, Case] = {
    "NeuralTuringMachine": Case(partial(built, learners.NeuralTuringMachine, encoder, tape), bindings, long),
    "SequenceTransducer": Case(
        partial(built, learners.SequenceTransducer, copier), partial(tasks.Copy, 2, 2), Training(200, lr=0.02)
    ),
    "MANN": Case(partial(built, learners.MANN, encoder, slots), bindings, long),
    "MANN, varying sizes": Case(partial(built, learners.MANN, encoder, slots), partial(bindings, (1, 3), (2, 3)), long),
    "MANN, an LSTM alone": Case(partial(built, learners.MANN, encoder, lstm), bindings, long),
    "SNAIL": Case(partial(built, learners.SNAIL, encoder, causal), few, Training(150)),
    "SNAIL, varying sizes": Case(partial(built, learners.SNAIL, encoder, causal), partial(few, (1, 4), (2, 3)), Training(150)),
}
