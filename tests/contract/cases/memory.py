"""Cases of the model-based learners."""

from functools import partial

from torch import nn

from contract.cases.ground import Case, built, encoder, few
from quickstudy import learners, tasks
from quickstudy.checks import Training
from quickstudy.nn import LRUA, NTM, CausalNet, FeedForward, LSTMCell

WAYS = 3


def tape() -> nn.Module:
    return NTM(LSTMCell(16 + WAYS + 6, 24), WAYS, slots=8, width=6)


def plain_tape() -> nn.Module:
    return NTM(FeedForward(16 + WAYS + 2 * 6, 24), WAYS, slots=8, width=6, reads=2, writes=2)


def slots() -> nn.Module:
    return LRUA(LSTMCell(16 + WAYS + 2 * 6, 24), WAYS, slots=12, width=6, heads=2)


def lstm() -> nn.Module:
    return LSTMCell(16 + WAYS, WAYS)


def causal() -> nn.Module:
    return CausalNet(16 + WAYS, WAYS, length=7, filters=8, attentions=((8, 8), (8, 8)))


def copier() -> nn.Module:
    return NTM(FeedForward(3 + 6, 16), 2, slots=4, width=6)


CASES: dict[str, Case] = {
    "NeuralTuringMachine": Case(partial(built, learners.NeuralTuringMachine, encoder, tape), few, Training(150)),
    "NeuralTuringMachine, no other memory": Case(
        partial(built, learners.NeuralTuringMachine, encoder, plain_tape), few, Training(150)
    ),
    "SequenceTransducer": Case(
        partial(built, learners.SequenceTransducer, copier), partial(tasks.Copy, 2, 2), Training(200, lr=0.02)
    ),
    "MANN": Case(partial(built, learners.MANN, encoder, slots), few, Training(150)),
    "MANN, varying sizes": Case(partial(built, learners.MANN, encoder, slots), partial(few, (1, 3), (2, 3)), Training(150)),
    "MANN, an LSTM alone": Case(partial(built, learners.MANN, encoder, lstm), few, Training(150)),
    "SNAIL": Case(partial(built, learners.SNAIL, encoder, causal), few, Training(100)),
    "SNAIL, varying sizes": Case(partial(built, learners.SNAIL, encoder, causal), partial(few, (1, 4), (2, 3)), Training(100)),
}
