"""Recurrent cells that read a sequence step by step in plain tensor operations: what controls a memory, and how it is run."""

from typing import Any, Protocol

import torch
from torch import Tensor, nn

from quickstudy.errors import ShapeError
from quickstudy.functional.tree import map_leaves
from quickstudy.storage.blueprint import Recorded
from quickstudy.task import Examples

__all__ = ["Cell", "FeedForward", "LSTMCell", "read", "wide_labels"]


class Cell(Protocol):
    """What reads a sequence: from an input (…, D) and a state to an output (…, P) and the next state.

    Leading axes of input and state must agree, `torch.func.vmap` adds more.
    """

    inputs: int
    outputs: int

    def start(self) -> Any:
        """The state before the first step, a tree of tensors."""

    def __call__(self, x: Tensor, state: Any) -> tuple[Tensor, Any]: ...


def read(cell: Cell, x_TD: Tensor, mask_T: Tensor, state: Any) -> tuple[Tensor, Any]:
    """Outputs (T, P) of a sequence and the state after it; a step of mask 0 leaves the state as it was.

    >>> cell = FeedForward(3, 4)
    >>> read(cell, torch.zeros(5, 3), torch.ones(5), cell.start())[0].shape
    torch.Size([5, 4])
    """
    outputs = []
    for x, real in zip(x_TD.unbind(0), (mask_T > 0).unbind(0), strict=True):
        output, after = cell(x, state)
        state = map_leaves(lambda new, old, real=real: torch.where(real, new, old), after, state)
        outputs.append(output)
    return (torch.stack(outputs) if outputs else x_TD.new_zeros(0, cell.outputs)), state


def wide_labels(examples: Examples, inputs: int, outputs: int, *, shown: int = 1) -> Tensor:
    """Labels (S, N) widened by empty columns to (S, outputs), for a network of ``inputs`` that reads features beside them.

    Args:
        examples: the labels, and features of the size that the network will read.
        inputs, outputs: of the network.
        shown: how many examples' features stand in one input.

    Raises:
        ShapeError: the network is of another size.

    >>> wide_labels(Examples.of(torch.eye(2), torch.tensor([0, 1])), 5, 3).tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    """
    features, ways = examples.x.shape[-1], examples.y.shape[-1]
    if outputs < ways or inputs != shown * features + outputs:
        raise ShapeError(
            f"a network of {inputs} inputs and {outputs} outputs cannot read {features} features beside labels of {ways} ways. "
            f"Build it with at least as many outputs as ways, and with {shown} * {features} + outputs inputs."
        )
    return nn.functional.pad(examples.y, (0, outputs - ways))


class LSTMCell(Recorded, nn.Module):
    """Long short-term memory, all gates by one product; its output is h.

        ``i, f, o, g = W [x; h] + b``,    ``c ← σ(f) c + σ(i) tanh(g)``,    ``h ← σ(o) tanh(c)``

    The biases of forget gates start at 1 (Gers, Schmidhuber & Cummins, 2000, Learning to forget).

    Args:
        inputs: numbers in an input.
        hidden: size of h and c.

    Source: Hochreiter & Schmidhuber, 1997, Long short-term memory.

    >>> cell = LSTMCell(3, 4)
    >>> cell(torch.zeros(3), cell.start())[0].shape
    torch.Size([4])
    """

    def __init__(self, inputs: int, hidden: int = 100) -> None:
        super().__init__()
        self.inputs, self.outputs = inputs, hidden
        self.gates = nn.Linear(inputs + hidden, 4 * hidden)
        with torch.no_grad():
            self.gates.bias[hidden : 2 * hidden] = 1.0

    def start(self) -> tuple[Tensor, Tensor]:
        zeros = self.gates.bias.new_zeros(self.outputs)
        return zeros, zeros

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        h, c = state
        gates = self.gates(torch.cat([x, h], -1))
        i, f, o = gates[..., : 3 * self.outputs].sigmoid().chunk(3, -1)
        c = f * c + i * gates[..., 3 * self.outputs :].tanh()
        h = o * c.tanh()
        return h, (h, c)


class FeedForward(Recorded, nn.Module):
    """A layer that remembers nothing, ``tanh(W x + b)``: all memory is then outside of the controller.

    Args:
        inputs: numbers in an input.
        hidden: size of the output.

    >>> FeedForward(3, 4)(torch.zeros(3), ())[0].shape
    torch.Size([4])
    """

    def __init__(self, inputs: int, hidden: int = 100) -> None:
        super().__init__()
        self.inputs, self.outputs = inputs, hidden
        self.layer = nn.Linear(inputs, hidden)

    def start(self) -> tuple[()]:
        return ()

    def forward(self, x: Tensor, state: tuple[()]) -> tuple[Tensor, tuple[()]]:
        return self.layer(x).tanh(), state
