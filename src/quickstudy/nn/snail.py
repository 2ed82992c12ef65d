"""Causal networks over a sequence: dilated convolutions that remember roughly and all, attention that picks exactly.

Source: Mishra, Rohaninejad, Chen & Abbeel, 2018, A simple neural attentive meta-learner.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from quickstudy.errors import LearnerError
from quickstudy.storage.blueprint import Recorded

__all__ = ["CausalAttention", "CausalConvolution", "CausalNet"]


class CausalConvolution(Recorded, nn.Module):
    """A dense block: ``x_t ← [x_t; tanh(a) σ(b)]`` with ``a, b = W [x_{t−d}; x_t] + c``, zeros before the beginning.

    Args:
        inputs: C.
        filters: F, numbers added to each step.
        dilation: d.

    Shapes:
        (T, C) -> (T, C + F)

    >>> CausalConvolution(3, 4, dilation=2)(torch.zeros(5, 3)).shape
    torch.Size([5, 7])
    """

    def __init__(self, inputs: int, filters: int, dilation: int = 1) -> None:
        super().__init__()
        self.inputs, self.width, self.dilation = inputs, inputs + filters, dilation
        self.mix = nn.Linear(2 * inputs, 2 * filters)

    def forward(self, x: Tensor) -> Tensor:
        silence = x.new_zeros(self.dilation, x.shape[-1])
        return self._gated(torch.cat([silence, x])[: x.shape[0]], x)

    def append(self, x: Tensor, before: Tensor, count: Tensor) -> Tensor:
        """What each of x (Q, C) becomes as the step that follows the first ``count`` of ``before`` (S, ≥ C)."""
        places = torch.arange(before.shape[0], device=before.device)
        earlier = (places == count - self.dilation).to(x.dtype) @ before[:, : self.inputs]
        return self._gated(earlier.expand_as(x), x)

    def _gated(self, earlier: Tensor, x: Tensor) -> Tensor:
        a, b = self.mix(torch.cat([earlier, x], -1)).chunk(2, -1)
        return torch.cat([x, a.tanh() * b.sigmoid()], -1)


class CausalAttention(Recorded, nn.Module):
    """``x_t ← [x_t; Σ_{s ≤ t} softmax_s(q_t · k_s / √K) v_s]``: a step sees itself and what came before.

    Args:
        inputs: C.
        keys: K, size of queries and keys.
        values: V, numbers added to each step.

    Shapes:
        (T, C) -> (T, C + V)

    >>> CausalAttention(3, 4, 5)(torch.zeros(6, 3)).shape
    torch.Size([6, 8])
    """

    def __init__(self, inputs: int, keys: int, values: int) -> None:
        super().__init__()
        self.inputs, self.width, self.scale = inputs, inputs + values, 1 / math.sqrt(keys)
        self.query, self.key, self.value = nn.Linear(inputs, keys), nn.Linear(inputs, keys), nn.Linear(inputs, values)

    def forward(self, x: Tensor) -> Tensor:
        places = torch.arange(x.shape[0], device=x.device)
        scores = self.scale * self.query(x) @ self.key(x).mT
        scores = scores.masked_fill(places[:, None] < places, -math.inf)
        return torch.cat([x, scores.softmax(-1) @ self.value(x)], -1)

    def append(self, x: Tensor, before: Tensor, count: Tensor) -> Tensor:
        """What each of x (Q, C) becomes as the step that follows the first ``count`` of ``before`` (S, ≥ C)."""
        places = torch.arange(before.shape[0], device=before.device)
        seen, query = before[:, : self.inputs], self.scale * self.query(x)
        earlier = (query @ self.key(seen).mT).masked_fill(places >= count, -math.inf)
        itself = (query * self.key(x)).sum(-1, keepdim=True)
        weights = torch.cat([earlier, itself], -1).softmax(-1)
        return torch.cat([x, weights[:, :-1] @ self.value(seen) + weights[:, -1:] * self.value(x)], -1)


class CausalNet(Recorded, nn.Module):
    """Attention and temporal convolutions in turn, then a linear layer; outputs at t depend on inputs up to t alone.

    Between two attentions stand ⌈log₂ T⌉ convolutions of dilations 1, 2, 4 …, which reach over a sequence of T steps. Every
    block adds its numbers behind those of its input, so that the last block's output holds all that a later step needs.

    Args:
        inputs: numbers in a step.
        outputs: P.
        length: T.
        filters: of each convolution.
        attentions: keys and values of each attention.

    Shapes:
        (T, inputs) -> (T, P)

    Raises:
        LearnerError: fewer than one step, filter or attention.

    >>> CausalNet(69, 5, length=6)(torch.zeros(6, 69)).shape
    torch.Size([6, 5])
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        length: int,
        filters: int = 128,
        attentions: Sequence[tuple[int, int]] = ((64, 32), (256, 128), (512, 256)),
    ) -> None:
        super().__init__()
        if min(length, filters, len(attentions)) < 1:
            raise LearnerError(f"length={length}, filters={filters} and the number of attentions must be 1 or more.")
        self.inputs, self.outputs = inputs, outputs
        blocks: list[CausalAttention | CausalConvolution] = []
        width = inputs
        for number, (keys, values) in enumerate(attentions):
            for power in range(math.ceil(math.log2(length)) if number else 0):
                blocks.append(CausalConvolution(width, filters, 2**power))
                width = blocks[-1].width
            blocks.append(CausalAttention(width, keys, values))
            width = blocks[-1].width
        self.blocks = nn.ModuleList(blocks)
        self.head = nn.Linear(width, outputs)

    def features(self, x: Tensor) -> Tensor:
        """The last block's output, (T, width)."""
        for block in self.blocks:
            x = block(x)
        return x

    def append(self, x: Tensor, before: Tensor, count: Tensor) -> Tensor:
        """Outputs (Q, P) of each of x (Q, inputs) as the step after the first ``count`` of ``before``, features (S, width)."""
        for block in self.blocks:
            x = block.append(x, before, count)  # type: ignore[operator]
        outputs: Tensor = self.head(x)
        return outputs

    def forward(self, x: Tensor) -> Tensor:
        outputs: Tensor = self.head(self.features(x))
        return outputs
