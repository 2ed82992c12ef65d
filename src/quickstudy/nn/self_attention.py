"""Self-attention over a set of vectors, in plain operations that vmap maps and that can be differentiated any number of times.

Source: Vaswani, Shazeer, Parmar, Uszkoreit, Jones, Gomez, Kaiser & Polosukhin, 2017, Attention is all you need.
"""

import torch
from torch import Tensor, nn

from quickstudy.errors import ShapeError
from quickstudy.nn.norm import LayerNorm
from quickstudy.storage.blueprint import Recorded

__all__ = ["SelfAttention"]


class SelfAttention(Recorded, nn.Module):
    """One layer of attention with a residual: ``norm(x + W_o · softmax(Q Kᵀ / √d) V)``, the transformer of FEAT.

    Args:
        features: D, of a vector.
        heads: H, which share D between them.
        dropout: of the attention's output, in training.

    Raises:
        ShapeError: heads do not divide the features.

    Shapes:
        vectors (R, D), which pairs may look (R, R): row r at column c where it is above 0 -> (R, D)

    >>> layer = SelfAttention(8)
    >>> layer(torch.randn(5, 8), torch.ones(5, 5)).shape
    torch.Size([5, 8])
    """

    def __init__(self, features: int, *, heads: int = 1, dropout: float = 0.5) -> None:
        super().__init__()
        if features % heads:
            raise ShapeError(f"{heads} heads cannot share {features} features. Choose heads that divide them.")
        self.heads = heads
        self.queries = nn.Linear(features, features, bias=False)
        self.keys = nn.Linear(features, features, bias=False)
        self.values = nn.Linear(features, features, bias=False)
        self.output = nn.Linear(features, features)
        self.dropout = nn.Dropout(dropout)
        self.norm: nn.Module = LayerNorm(features)

    def forward(self, x: Tensor, sees: Tensor) -> Tensor:
        q_HRD, k_HRD, v_HRD = (
            layer(x).unflatten(-1, (self.heads, -1)).movedim(1, 0) for layer in (self.queries, self.keys, self.values)
        )
        scores_HRR = q_HRD @ k_HRD.mT / q_HRD.shape[-1] ** 0.5
        share_HRR = torch.where(sees > 0, scores_HRR, -1e9).softmax(-1)
        found_RD = (share_HRR @ v_HRD).movedim(0, 1).flatten(1)
        joined: Tensor = self.norm(x + self.dropout(self.output(found_RD)))
        return joined
