"""A memory written where it was read last or where it was used least: the cell of memory-augmented networks.

Source: Santoro, Bartunov, Botvinick, Wierstra & Lillicrap, 2016, Meta-learning with memory-augmented neural networks.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from quickstudy.errors import LearnerError
from quickstudy.functional.addressing import content_weights, least_used
from quickstudy.nn.recurrent import Cell
from quickstudy.storage.blueprint import Recorded

__all__ = ["LRUA", "Slots"]

_FRESH, _SHARP = -2.0, 2.3
"""Where gates and strengths start: writing mostly to unused slots, reading mostly from one."""


class Slots(NamedTuple):
    """What is remembered: slots (M, D), usage (M,), read weights (H, M), what was read (H·D,), the controller's state."""

    memory: Tensor
    usage: Tensor
    read_weights: Tensor
    reads: Tensor
    controller: Any


class LRUA(Recorded, nn.Module):
    """Least recently used access. For each of n heads [h; x], the controller's output and the input, says a key k, a, α and β:

        ``w_w = σ(α) w_r,{t−1} + (1 − σ(α)) w_lu``,    ``M ← (1 − Σ w_lu) M + Σ w_w aᵀ``
        ``w_r = softmax(β cos(k, M))``,    ``u ← γ u + Σ (w_r + w_w)``,    ``r = w_r M``,    ``y = W [h; r] + b``

    Each head owns one of the n least used slots, w_lu, which is wiped before writing; so the sum of usage tends to its
    bound 2n / (1 − γ). Deviations: a head writes a vector a of its own, not the key it reads with; keys see the input itself, so
    that what looks alike has like keys before anything is learned; a head says log β, too, at first 2.3, which reads
    sharply (the paper's β of 1 reads almost evenly from 128 slots); and an empty slot resembles no key.

    Args:
        controller: a cell, `LSTMCell` in the paper, that takes inputs + heads · width numbers.
        outputs: P.
        slots: M.
        width: D, numbers in a slot.
        heads: n; each reads and writes.
        decay: γ.

    Shapes:
        x (…, inputs), slots with the same leading axes -> (…, outputs), the next slots

    Raises:
        LearnerError: sizes that do not fit, or a decay outside of [0, 1).

    >>> from quickstudy.nn.recurrent import LSTMCell
    >>> cell = LRUA(LSTMCell(69 + 4 * 40, 200), outputs=5)
    >>> output, slots = cell(torch.zeros(69), cell.start())
    >>> output.shape, slots.memory.shape
    (torch.Size([5]), torch.Size([128, 40]))
    """

    def __init__(
        self, controller: Cell, outputs: int, *, slots: int = 128, width: int = 40, heads: int = 4, decay: float = 0.95
    ) -> None:
        super().__init__()
        self.inputs, self.outputs = controller.inputs - heads * width, outputs
        if min(self.inputs, outputs, width, heads) < 1 or slots < heads or not 0 <= decay < 1:
            raise LearnerError(
                f"a controller of {controller.inputs} inputs, {heads} heads of width {width}, {slots} slots, decay {decay} do "
                "not fit. Give the controller inputs + heads * width numbers, at least as many slots as heads, a decay below 1."
            )
        self.controller = controller
        self.slots, self.width, self.heads, self.decay = slots, width, heads, decay
        self.parts = [2 * heads * width, heads, heads]
        self.emit = nn.Linear(controller.outputs + self.inputs, sum(self.parts))
        self.output = nn.Linear(controller.outputs + heads * width, outputs)
        with torch.no_grad():
            self.emit.bias[-2 * heads : -heads] = _FRESH
            self.emit.bias[-heads:] = _SHARP

    def start(self) -> Slots:
        zeros = self.output.bias.new_zeros
        return Slots(
            zeros(self.slots, self.width),
            zeros(self.slots),
            zeros(self.heads, self.slots),
            zeros(self.heads * self.width),
            self.controller.start(),
        )

    def forward(self, x: Tensor, state: Slots) -> tuple[Tensor, Slots]:
        hidden, controller = self.controller(torch.cat([x, state.reads], -1), state.controller)
        vectors, gate, strength = self.emit(torch.cat([hidden, x], -1)).split(self.parts, -1)
        keys, added = vectors.tanh().unflatten(-1, (2 * self.heads, self.width)).split(self.heads, -2)
        free = least_used(state.usage, self.heads)
        write_weights = torch.lerp(free, state.read_weights, gate.sigmoid()[..., None])
        memory = state.memory * (1 - free.sum(-2))[..., None] + write_weights.mT @ added
        read_weights = content_weights(keys, memory, strength.exp()[..., None])
        usage = self.decay * state.usage + (read_weights + write_weights).sum(-2)
        reads = (read_weights @ memory).flatten(-2)
        return self.output(torch.cat([hidden, reads], -1)), Slots(memory, usage, read_weights, reads, controller)
