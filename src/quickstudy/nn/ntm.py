"""The Neural Turing Machine: a recurrent cell whose memory is read and written by attention.

Source: Graves, Wayne & Danihelka, 2014, Neural Turing machines.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from quickstudy.errors import LearnerError
from quickstudy.functional.addressing import content_weights, interpolate, sharpen, shift
from quickstudy.nn.recurrent import Cell
from quickstudy.storage.blueprint import Recorded

__all__ = ["NTM", "Tape"]

_BLANK = 1e-6


class Tape(NamedTuple):
    """What is remembered: slots (M, D), the positions of the heads (H, M), what was read (R·D,), the controller's state."""

    memory: Tensor
    heads: Tensor
    reads: Tensor
    controller: Any


class NTM(Recorded, nn.Module):
    """A controller with a tape. Its output h says, for each head, a key k, β, g, moves s and γ, for a writing head also e and a:

        ``w = sharpen(shift(g softmax(β cos(k, M)) + (1 − g) w_{t−1}, s), γ)``
        ``M ← M ∏_w (1 − w eᵀ) + Σ_w w aᵀ``,    ``r = w M``,    ``y = W [h; r] + b``

    All heads find their places in the memory of the step before; readers read after writers have written. The memory starts
    blank, a small constant, which learns faster than a learned start, and keys k and additions a lie in (−1, 1), so that it
    cannot grow without bound (Collier & Beel, 2018, Implementing neural Turing machines); the heads start at a learned place,
    before training near slot 0, so that no symmetry has to be broken first.

    Args:
        controller: a cell, `LSTMCell` or `FeedForward`, that takes inputs + reads · width numbers.
        outputs: P.
        slots: M.
        width: D, numbers in a slot.
        reads, writes: how many heads of each kind.
        reach: how many slots a head moves in a step at most.

    Shapes:
        x (…, inputs), a tape with the same leading axes -> (…, outputs), the next tape

    Raises:
        LearnerError: a controller too narrow for the reads, or a size below 1.

    >>> from quickstudy.nn.recurrent import LSTMCell
    >>> cell = NTM(LSTMCell(9 + 20), outputs=8)
    >>> output, tape = cell(torch.zeros(9), cell.start())
    >>> output.shape, tape.memory.shape
    (torch.Size([8]), torch.Size([128, 20]))
    """

    def __init__(
        self,
        controller: Cell,
        outputs: int,
        *,
        slots: int = 128,
        width: int = 20,
        reads: int = 1,
        writes: int = 1,
        reach: int = 1,
    ) -> None:
        super().__init__()
        self.inputs, self.outputs = controller.inputs - reads * width, outputs
        if min(self.inputs, outputs, slots, width, reads, writes) < 1 or not 0 <= reach < slots / 2:
            raise LearnerError(
                f"a controller of {controller.inputs} inputs, {reads} reads of width {width}, {writes} writes, {slots} slots and "
                f"a reach of {reach} do not fit. Give the controller inputs + reads * width numbers, and every size at least 1."
            )
        self.controller = controller
        self.slots, self.width, self.reads, self.writes, self.moves = slots, width, reads, writes, 2 * reach + 1
        heads = reads + writes
        self.parts = [heads * width, heads, heads, heads * self.moves, heads, writes * width, writes * width]
        self.emit = nn.Linear(controller.outputs, sum(self.parts))
        self.output = nn.Linear(controller.outputs + reads * width, outputs)
        self.first_place = nn.Parameter(torch.zeros(heads, slots))
        self.first_read = nn.Parameter(0.1 * torch.randn(reads * width))
        with torch.no_grad():
            self.first_place[:, 0] = 5.0

    def start(self) -> Tape:
        memory = self.first_read.new_full((self.slots, self.width), _BLANK)
        return Tape(memory, self.first_place.softmax(-1), self.first_read.tanh(), self.controller.start())

    def forward(self, x: Tensor, state: Tape) -> tuple[Tensor, Tape]:
        hidden, controller = self.controller(torch.cat([x, state.reads], -1), state.controller)
        key, strength, gate, moves, power, erase, add = self.emit(hidden).split(self.parts, -1)
        heads, plus = self.reads + self.writes, nn.functional.softplus
        places = content_weights(key.tanh().unflatten(-1, (heads, self.width)), state.memory, plus(strength)[..., None])
        places = interpolate(gate.sigmoid()[..., None], places, state.heads)
        places = shift(places, moves.unflatten(-1, (heads, self.moves)).softmax(-1))
        places = sharpen(places, 1 + plus(power)[..., None])
        memory = self._write(state.memory, places[..., self.reads :, :], erase.sigmoid(), add.tanh())
        reads = (places[..., : self.reads, :] @ memory).flatten(-2)
        return self.output(torch.cat([hidden, reads], -1)), Tape(memory, places, reads, controller)

    def _write(self, memory: Tensor, places: Tensor, erase: Tensor, add: Tensor) -> Tensor:
        erase, add = (part.reshape(*part.shape[:-1], self.writes, self.width) for part in (erase, add))
        gone = 1 - (1 - places[..., None] * erase[..., None, :]).prod(-3) if self.writes > 1 else places.mT * erase
        return torch.addcmul(memory + places.mT @ add, memory, gone, value=-1)
