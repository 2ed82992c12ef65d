"""A recurrent network whose cell state is the weights of another one: a descent rule with learned gates.

Source: Ravi & Larochelle, 2017, Optimization as a model for few-shot learning.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from quickstudy.functional.log_sign import log_sign
from quickstudy.functional.unroll import Weights
from quickstudy.nn.recurrent import LSTMCell
from quickstudy.storage.blueprint import Recorded

__all__ = ["GatedDescent", "Gates"]


class Gates(NamedTuple):
    """What is remembered of each coordinate: (h, c) of the LSTM, (coordinates, hidden), and both gates, (coordinates, 1)."""

    lstm: tuple[Tensor, Tensor]
    forget: Tensor
    input: Tensor


class GatedDescent(Recorded, nn.Module):
    """The update of an LSTM's cell, in which the cell is a weight θ and what is written to it is its negative gradient.

        ``θ_t = f_t ⊙ θ_{t−1} − i_t ⊙ ∇_t``
        ``f_t = σ(w_f [h_t, θ_{t−1}, f_{t−1}] + b_f)``,    ``i_t = σ(w_i [h_t, θ_{t−1}, i_{t−1}] + b_i)``
        ``h_t = LSTM([log_sign(∇_t), log_sign(L_t)])``

    Coordinates share all of it but their memory. Weights start small, and so the rule begins as gradient descent with a
    step of ``σ(b_i)`` and nearly no decay.

    Args:
        hidden: units of the LSTM.
        p: of the preprocessing, see `functional.log_sign.log_sign`.
        forget_bias: from where to where ``b_f`` is drawn.
        input_bias: and ``b_i``.

    >>> rule = GatedDescent()
    >>> weights, grads = {"a": torch.ones(2, 3)}, {"a": torch.ones(2, 3)}
    >>> after, gates = rule(weights, grads, torch.tensor(0.5), rule.init(weights))
    >>> after["a"].shape, gates.forget.shape
    (torch.Size([2, 3]), torch.Size([6, 1]))
    """

    def __init__(
        self,
        hidden: int = 20,
        *,
        p: float = 10.0,
        forget_bias: tuple[float, float] = (4.0, 6.0),
        input_bias: tuple[float, float] = (-5.0, -4.0),
    ) -> None:
        super().__init__()
        self.p = p
        self.lstm = LSTMCell(4, hidden)
        self.forget, self.input = nn.Linear(hidden + 2, 1), nn.Linear(hidden + 2, 1)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -0.01, 0.01)
        nn.init.uniform_(self.forget.bias, *forget_bias)
        nn.init.uniform_(self.input.bias, *input_bias)

    def init(self, weights: Weights) -> Gates:
        """The empty memory of all coordinates, in the order of the names."""
        rows = sum(w.numel() for w in weights.values())
        first = next(iter(weights.values()))
        zeros, gate = first.new_zeros(rows, self.lstm.outputs), first.new_zeros(rows, 1)
        return Gates((zeros, zeros), gate, gate)

    def forward(self, weights: Weights, grads: Weights, loss: Tensor, memory: Gates) -> tuple[Weights, Gates]:
        theta = torch.cat([w.reshape(-1, 1) for w in weights.values()])
        slope = torch.cat([grads[name].reshape(-1, 1) for name in weights])
        read = torch.cat([log_sign(slope[:, 0], self.p), log_sign(loss, self.p).expand(theta.shape[0], 2)], 1)
        h, lstm = self.lstm(read, memory.lstm)
        forget = self.forget(torch.cat([h, theta, memory.forget], 1)).sigmoid()
        write = self.input(torch.cat([h, theta, memory.input], 1)).sigmoid()
        after = (forget * theta - write * slope)[:, 0].split([w.numel() for w in weights.values()])
        moved = {name: part.reshape(w.shape) for (name, w), part in zip(weights.items(), after, strict=True)}
        return moved, Gates(lstm, forget, write)

    def extra_repr(self) -> str:
        return f"p={self.p}"
