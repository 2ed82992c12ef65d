"""A recurrent network that reads a support set in order and then answers the queries in order, as in the copy task.

Source: Graves, Wayne & Danihelka, 2014, Neural Turing machines.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from quickstudy.errors import ShapeError
from quickstudy.learner import Facts, Learner
from quickstudy.likelihood import Bernoulli, Likelihood
from quickstudy.nn.ntm import Tape
from quickstudy.nn.recurrent import Cell, read
from quickstudy.task import Examples

__all__ = ["Heard", "SequenceTransducer"]


class Heard(NamedTuple):
    """What is remembered: the cell's state (of an NTM: its tape), classes or columns present (P,)."""

    state: Tape | Any
    present: Tensor


class SequenceTransducer(Learner[Heard]):
    """Sequence to sequence: a task is a pair of sequences, the queries are the steps of the second.

        ``m_t = cell([x_t; y_t; 0], m_{t−1})`` over the support, ``cell([0; 0; 1], ·)`` once, then ``y_q = cell([x_q; 0; 0], ·)``

    One answer follows the other, so that an answer depends on the queries before it (a transductive learner, in the words of
    this library) and the order of the support set matters.

    Args:
        cell: of D + P + 1 inputs and P outputs, `nn.NTM` or an `nn.LSTMCell` with outputs of that size.
        likelihood: of the outputs.

    Raises:
        ShapeError: (at adaptation) a cell of another size.

    >>> from quickstudy.nn.recurrent import LSTMCell
    >>> from quickstudy.nn.ntm import NTM
    >>> learner = SequenceTransducer(NTM(LSTMCell(9 + 20), outputs=8))
    >>> learner(Examples.of(torch.zeros(3, 0), torch.ones(3, 8)))(torch.zeros(3, 0)).shape
    torch.Size([3, 8])
    """

    facts = Facts(
        ordered=True,
        transductive=True,
        norm="none",
        unexportable="the query is read step by step, so its length is the program's",
    )

    def __init__(self, cell: Cell, *, likelihood: Likelihood = Bernoulli()) -> None:  # noqa: B008  a frozen record
        super().__init__()
        self.cell, self.likelihood = cell, likelihood

    def adapt(self, support: Examples) -> Heard:
        wanted = support.x.shape[-1] + support.y.shape[-1] + 1
        if (self.cell.inputs, self.cell.outputs) != (wanted, support.y.shape[-1]):
            raise ShapeError(
                f"the cell has {self.cell.inputs} inputs and {self.cell.outputs} outputs, but inputs of {support.x.shape[-1]} "
                f"and targets of {support.y.shape[-1]} numbers, with a mark of the end, need {wanted} and {support.y.shape[-1]}."
            )
        return self.update(Heard(self.cell.start(), self.likelihood.present(support.y, support.mask)), support)

    def update(self, state: Heard, more: Examples) -> Heard:
        """Continues reading the sequence."""
        steps = torch.cat([more.x, more.y, more.y.new_zeros(more.y.shape[0], 1)], -1)
        present = torch.maximum(state.present, self.likelihood.present(more.y, more.mask))
        return Heard(read(self.cell, steps, more.mask, state.state)[1], present)

    def predict(self, state: Heard, x: Tensor) -> Tensor:
        columns = state.present.shape[0]
        end = torch.cat([x.new_zeros(x.shape[-1] + columns), x.new_ones(1)])
        steps = torch.cat([x, x.new_zeros(x.shape[0], columns + 1)], -1)
        _, ended = self.cell(end, state.state)
        return self.likelihood.restrict(read(self.cell, steps, steps.new_ones(x.shape[0]), ended)[0], state.present)
