"""A recurrent network as a descent rule: it reads the gradient of one weight after another and writes its steps.

Source: Andrychowicz, Denil, Gomez, Hoffman, Pfau, Schaul, Shillingford & de Freitas, 2016, Learning to learn by gradient
descent by gradient descent.
"""

from itertools import pairwise

import torch
from torch import nn

from quickstudy.errors import LearnerError
from quickstudy.functional.log_sign import log_sign
from quickstudy.functional.unroll import Weights
from quickstudy.nn.learned_rule import LearnedRule, Memory
from quickstudy.nn.recurrent import LSTMCell

__all__ = ["CoordinateLSTM"]


class CoordinateLSTM(LearnedRule):
    """The same small LSTM for every coordinate of the weights, each with a memory of its own.

        ``(m_t, h_{t+1}) = LSTM(log_sign(∇_t), h_t)``,    ``θ_{t+1} = θ_t + scale · m_t``

    It is a rule like `functional.SGD` and `functional.Adam`, and goes wherever they go. Coordinates do not see each other,
    so that one rule serves networks of all shapes. The last layer starts at zero: an untrained rule stays where it is.

    Args:
        hidden: units of each layer.
        layers: of the LSTM.
        p: of the gradients' preprocessing, see `functional.log_sign.log_sign`.
        scale: of the output.

    Raises:
        LearnerError: fewer than one layer.

    >>> from quickstudy.functional.unroll import descend
    >>> rule = CoordinateLSTM()
    >>> descend(lambda w: (w["a"] ** 2).sum(), {"a": torch.ones(2, 3)}, rule=rule, steps=4)["a"].shape
    torch.Size([2, 3])
    """

    def __init__(self, hidden: int = 20, *, layers: int = 2, p: float = 10.0, scale: float = 0.1) -> None:
        super().__init__()
        if layers < 1 or hidden < 1:
            raise LearnerError(f"layers={layers}, hidden={hidden}: a recurrent rule needs at least one unit in one layer.")
        self.p, self.scale = p, scale
        self.cells = nn.ModuleList(LSTMCell(a, b) for a, b in pairwise([2, *[hidden] * layers]))
        self.head = nn.Linear(hidden, 1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def init(self, weights: Weights) -> Memory:
        """Pairs (h, c) of the layers, (coordinates, hidden) each."""
        rows = sum(w.numel() for w in weights.values())
        zeros = next(iter(weights.values())).new_zeros(rows, self.head.in_features)
        return tuple((zeros, zeros) for _ in self.cells)

    def forward(self, grads: Weights, memory: Memory) -> tuple[Weights, Memory]:
        z = log_sign(torch.cat([g.flatten() for g in grads.values()]), self.p)
        kept = []
        for cell, state in zip(self.cells, memory, strict=True):
            z, state = cell(z, state)
            kept.append(state)
        change = (-self.scale * self.head(z)[:, 0]).split([g.numel() for g in grads.values()])
        return {name: c.reshape(g.shape) for (name, g), c in zip(grads.items(), change, strict=True)}, tuple(kept)

    def extra_repr(self) -> str:
        return f"p={self.p}, scale={self.scale}"
