"""The model-based learners under the equal budget."""

from quickstudy.learners.memory.mann import MANN
from quickstudy.learners.memory.ntm import NeuralTuringMachine
from quickstudy.learners.memory.snail import SNAIL
from quickstudy.nn.lrua import LRUA
from quickstudy.nn.ntm import NTM
from quickstudy.nn.recurrent import LSTMCell
from quickstudy.nn.snail import CausalNet
from quickstudy.recipes.equal_budget.budget import Budget
from quickstudy.recipes.recipe import Recipe

__all__ = ["mann", "neural_turing_machine", "snail"]

_WIDTH, _HEADS = 20, 2
"""Of the memories: numbers in a slot, reading heads."""


def neural_turing_machine(budget: Budget) -> Recipe:
    """A tape of 16 slots that the support set is written to."""
    encoder = budget.encoder()
    controller = LSTMCell(encoder.features + budget.ways + _WIDTH, 64)
    return budget.on_tasks(NeuralTuringMachine(encoder, NTM(controller, budget.ways, slots=16, width=_WIDTH)), 3e-3)


def mann(budget: Budget) -> Recipe:
    """Least recently used access to 16 slots."""
    encoder = budget.encoder()
    controller = LSTMCell(2 * encoder.features + budget.ways + _HEADS * _WIDTH, 64)
    cell = LRUA(controller, budget.ways, slots=16, width=_WIDTH, heads=_HEADS)
    return budget.on_tasks(MANN(encoder, cell), 3e-3)


def snail(budget: Budget) -> Recipe:
    """Temporal convolutions and causal attention, a third of the paper's widths."""
    encoder = budget.encoder()
    length = budget.ways * budget.shots + 1
    network = CausalNet(
        encoder.features + budget.ways, budget.ways, length=length, filters=32, attentions=((32, 16), (64, 32), (128, 64))
    )
    return budget.on_tasks(SNAIL(encoder, network), 2e-3)
