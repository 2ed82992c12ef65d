"""Full-context embeddings of Matching Networks: features that depend on the whole support set.

Source: Vinyals, Blundell, Lillicrap, Kavukcuoglu & Wierstra, 2016, Matching networks for one shot learning, appendix A.
"""

import torch
from torch import Tensor, nn

from quickstudy.nn.recurrent import LSTMCell, read
from quickstudy.storage.blueprint import Recorded

__all__ = ["QueryContext", "SupportContext"]


class SupportContext(Recorded, nn.Module):
    """Reads the support set forwards and backwards, in the order it has: ``g(x_i) = h→_i + h←_i + g'(x_i)``.

    Args:
        features: D.

    Shapes:
        features (S, D), mask (S,) -> (S, D); a row of mask 0 is not read

    >>> SupportContext(4)(torch.randn(5, 4), torch.ones(5)).shape
    torch.Size([5, 4])
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.forwards = LSTMCell(features, features)
        self.backwards = LSTMCell(features, features)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        forth, _ = read(self.forwards, x, mask, self.forwards.start())
        back, _ = read(self.backwards, x.flip(0), mask.flip(0), self.backwards.start())
        return x + forth + back.flip(0)


class QueryContext(Recorded, nn.Module):
    """Reads the support set by attention, K times, before it answers for a query.

        ``r_{k−1} = Σ_i softmax_i(h_{k−1} · g(x_i)) g(x_i)``,    ``ĥ_k, c_k = LSTM(f'(x), [h_{k−1}, r_{k−1}], c_{k−1})``,
        ``h_k = ĥ_k + f'(x)``,    ``h_0 = c_0 = 0``,    ``f(x, S) = h_K``

    Args:
        features: D.
        steps: K.

    Shapes:
        query features (Q, D), support features (S, D), mask (S,) -> (Q, D), each query by itself

    >>> QueryContext(4)(torch.randn(3, 4), torch.randn(5, 4), torch.ones(5)).shape
    torch.Size([3, 4])
    """

    def __init__(self, features: int, *, steps: int = 5) -> None:
        super().__init__()
        self.steps = steps
        self.cell = LSTMCell(2 * features, features)

    def forward(self, x: Tensor, support: Tensor, mask: Tensor) -> Tensor:
        h, c = torch.zeros_like(x), torch.zeros_like(x)
        for _ in range(self.steps):
            share_QS = torch.where(mask > 0, h @ support.mT, -1e9).softmax(-1)
            _, (h, c) = self.cell(torch.cat([x, share_QS @ support], -1), (h, c))
            h = h + x
        return h
