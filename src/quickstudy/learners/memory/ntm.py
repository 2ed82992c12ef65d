"""A Neural Turing Machine as a few-shot learner: it reads examples with their labels, and answers from what it remembers.

Source: Graves, Wayne & Danihelka, 2014, Neural Turing machines.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from quickstudy.functional.tree import map_leaves
from quickstudy.learner import Facts, Learner
from quickstudy.likelihood import Categorical, Likelihood
from quickstudy.nn.ntm import Tape
from quickstudy.nn.recurrent import Cell, read, wide_labels
from quickstudy.task import Examples

__all__ = ["NeuralTuringMachine", "Remembered"]


class Remembered(NamedTuple):
    """What is remembered: the cell's state (of an NTM: its tape), classes present (N,)."""

    state: Tape | Any
    present: Tensor


class NeuralTuringMachine(Learner[Remembered]):
    """Reads the support set one example after another, and then each query with the resulting memory.

        ``m_t = cell([f(x_t); y_t], m_{t−1})``,    ``outputs(x) = cell([f(x); 0], m_S)``

    Queries do not see each other. The order of the support set matters, and so does which class is which column, unless
    meta-training has taught the network otherwise. Where one answer has to follow another, see `SequenceTransducer`.

    Args:
        encoder: any network from inputs to features (D,).
        cell: of D + N inputs and N outputs: an `nn.NTM`, or any other cell (an `nn.LSTMCell` is the usual baseline).
        likelihood: of the outputs.

    Raises:
        ShapeError: (at adaptation) a cell of another size.

    >>> from quickstudy.nn.recurrent import LSTMCell
    >>> from quickstudy.nn.ntm import NTM
    >>> learner = NeuralTuringMachine(nn.Flatten(), NTM(LSTMCell(2 + 3 + 20), outputs=3))
    >>> learner(Examples.of(torch.eye(2), torch.tensor([0, 1]), ways=3))(torch.eye(2)).shape
    torch.Size([2, 3])
    """

    facts = Facts(ordered=True, label_order=True, norm="running")

    def __init__(
        self,
        encoder: nn.Module,
        cell: Cell,
        *,
        likelihood: Likelihood = Categorical(),  # noqa: B008  a frozen record
    ) -> None:
        super().__init__()
        self.encoder, self.cell, self.likelihood = encoder, cell, likelihood

    def encode(self, x: Tensor) -> Tensor:
        return self.encoder(x).flatten(1)  # type: ignore[no-any-return]

    def adapt(self, support: Examples) -> Remembered:
        return self.update(Remembered(self.cell.start(), support.y.new_zeros(support.y.shape[1])), support)

    def update(self, state: Remembered, more: Examples) -> Remembered:
        """Continues reading the sequence."""
        steps = torch.cat([more.x, wide_labels(more, self.cell.inputs, self.cell.outputs)], -1)
        present = torch.maximum(state.present, self.likelihood.present(more.y, more.mask))
        return Remembered(read(self.cell, steps, more.mask, state.state)[1], present)

    def predict(self, state: Remembered, x: Tensor) -> Tensor:
        asked = torch.cat([x, x.new_zeros(x.shape[0], self.cell.outputs)], -1)
        memory = map_leaves(lambda leaf: leaf.expand(x.shape[0], *leaf.shape), state.state)
        return self.likelihood.restrict(self.cell(asked, memory)[0], state.present)
