"""A learned descent rule that starts as Adam: an LSTM reads moments of the gradient, and modifies Adam's step.

Sources: Lv, Jiang & Li, 2017, Learning gradient descent: better generalization and longer horizons (moments as inputs); Metz,
Maheswaranathan, Nixon, Freeman & Sohl-Dickstein, 2019, Understanding and correcting pathologies in the training of learned
optimizers (several time scales, a magnitude through exp).
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from quickstudy.errors import LearnerError
from quickstudy.functional.log_sign import log_sign
from quickstudy.functional.unroll import Weights
from quickstudy.nn.learned_rule import LearnedRule, Memory
from quickstudy.nn.recurrent import LSTMCell

__all__ = ["AdamLSTM"]

_TINY = 1e-16
"""Below the root of the second moment, so that a gradient of exactly zero has a derivative."""


class AdamLSTM(LearnedRule):
    """The same small LSTM for every coordinate; it reads normalised moments, and scales and shifts Adam's step.

        ``m_k ← β_k m_k + (1 − β_k) ∇``,    ``v ← β₂ v + (1 − β₂) ∇²``,    ``u_k = m̂_k / √v̂``

        ``(a, b), h ← LSTM([u_1 … u_K, ∇/√v̂, log_sign(∇)], h)``,    ``θ ← θ − scale · (e^a u_main + b)``

    with ``m̂`` and ``v̂`` free of the bias of their zero start. Untrained, ``a = b = 0``: Adam with the step size ``scale``.
    Step sizes that fall along a trajectory, or differ from weight to weight, are what training adds.

    Args:
        hidden: units of each layer.
        layers: of the LSTM.
        p: of the gradients' preprocessing, see `functional.log_sign.log_sign`.
        scale: step size of the Adam that it starts as.
        betas: decays β_k of the first moments.
        main: place in ``betas`` of the moment that is stepped along.
        second: decay β₂ of the second moment.

    Raises:
        LearnerError: fewer than one layer, a decay outside of [0, 1), or a main moment that is not there.

    >>> from quickstudy.functional.unroll import descend
    >>> descend(lambda w: (w["a"] ** 2).sum(), {"a": torch.ones(2)}, rule=AdamLSTM(scale=0.25), steps=2)["a"].round(decimals=2)
    tensor([0.5000, 0.5000], grad_fn=<RoundBackward1>)
    """

    betas: Tensor

    def __init__(
        self,
        hidden: int = 20,
        *,
        layers: int = 2,
        p: float = 10.0,
        scale: float = 0.1,
        betas: tuple[float, ...] = (0.5, 0.9, 0.97),
        main: int = 1,
        second: float = 0.99,
    ) -> None:
        super().__init__()
        if layers < 1 or hidden < 1:
            raise LearnerError(f"layers={layers}, hidden={hidden}: a recurrent rule needs at least one unit in one layer.")
        if not 0 <= main < len(betas) or not all(0 <= beta < 1 for beta in (*betas, second)):
            raise LearnerError(
                f"betas={betas}, main={main}, second={second}: decays lie in [0, 1), and main is the position of one."
            )
        self.p, self.scale, self.main, self.second = p, scale, main, second
        self.register_buffer("betas", torch.tensor(betas), persistent=False)
        self.cells = nn.ModuleList(LSTMCell(a, b) for a, b in pairwise([len(betas) + 3, *[hidden] * layers]))
        self.head = nn.Linear(hidden, 2)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def init(self, weights: Weights) -> Memory:
        """Pairs (h, c) of the layers, and (first moments, second moment and count of steps)."""
        rows = sum(w.numel() for w in weights.values())
        one = next(iter(weights.values()))
        zeros = one.new_zeros(rows, self.head.in_features)
        return (*((zeros, zeros) for _ in self.cells), (one.new_zeros(rows, len(self.betas)), one.new_zeros(rows, 2)))

    def forward(self, grads: Weights, memory: Memory) -> tuple[Weights, Memory]:
        g = torch.cat([g.flatten() for g in grads.values()])[:, None]
        *states, (first, last) = memory
        count = last[:, 1:] + 1
        first = self.betas * first + (1 - self.betas) * g
        second = self.second * last[:, :1] + (1 - self.second) * g * g
        size = (second / (1 - self.second**count) + _TINY).sqrt()
        moments = first / (1 - self.betas**count) / size
        z = torch.cat([moments, g / size, log_sign(g[:, 0], self.p)], -1)
        kept = []
        for cell, state in zip(self.cells, states, strict=True):
            z, state = cell(z, state)
            kept.append(state)
        a, b = self.head(z).unbind(-1)
        steps = (self.scale * (a.exp() * moments[:, self.main] + b)).split([g.numel() for g in grads.values()])
        after = (*kept, (first, torch.cat([second, count], -1)))
        return {name: step.reshape(g.shape) for (name, g), step in zip(grads.items(), steps, strict=True)}, after

    def extra_repr(self) -> str:
        return f"p={self.p}, scale={self.scale}, betas={[round(b, 6) for b in self.betas.tolist()]}, second={self.second}"
