"""A text encoder over token numbers: embeddings, any number of transformer layers, the mean over real tokens.

Source: Devlin, Chang, Lee & Toutanova, 2019, BERT; the mean of tokens: Reimers & Gurevych, 2019, Sentence-BERT.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from quickstudy.errors import ShapeError
from quickstudy.functional.attention import plain_attention
from quickstudy.functional.unroll import is_exporting, is_inner, is_mapped
from quickstudy.storage.blueprint import Recorded

__all__ = ["TokenTransformer"]


class TokenTransformer(Recorded, nn.Module):
    """Token numbers of texts -> a vector each. With ``depth=0`` and ``positions=0`` it is the mean of the tokens' embeddings,
    for bags of hashed n-grams in any order.

    Rows are token numbers, where 0 is padding; or a dictionary ``{"tokens", "mask"}`` that says which are real. A row without
    any real token has the vector of an empty mean. Columns that are padding in all rows are left out of the computation.

    Args:
        vocabulary: how many token numbers there are, 0 included.
        width: D, of a vector; one for each text comes out.
        depth: transformer layers.
        heads: which share the width between them.
        hidden: of the two linear layers of each layer.
        positions: most tokens of a text; 0: the order of tokens does not count, and there may be any number.
        unit: scale each text's vector to length 1.

    Raises:
        ShapeError: heads do not divide the width; texts of more tokens than there are positions.

    Shapes:
        (texts, tokens) of whole numbers, or {"tokens", "mask"} of that shape -> (texts, width)

    >>> network = TokenTransformer(100, 8, depth=1).eval()
    >>> padded = network(torch.tensor([[5, 7, 0, 0]]))
    >>> bool(torch.allclose(padded, network(torch.tensor([[5, 7]])), atol=1e-6)), padded.shape
    (True, torch.Size([1, 8]))
    """

    def __init__(
        self,
        vocabulary: int = 16384,
        width: int = 128,
        *,
        depth: int = 1,
        heads: int = 4,
        hidden: int = 256,
        positions: int = 128,
        unit: bool = False,
    ) -> None:
        super().__init__()
        if width % heads:
            raise ShapeError(f"{heads} heads cannot share a width of {width}. Choose heads that divide it.")
        self.features, self.unit = width, unit
        self.tokens = _table(vocabulary, width)
        self.positions = _table(positions, width) if positions else None
        self.norm = nn.LayerNorm(width, eps=1e-12)
        self.layers = nn.ModuleList(_Layer(width, heads, hidden) for _ in range(depth))

    def forward(self, x: Tensor | Mapping[str, Tensor]) -> Tensor:
        states, mask_RT = self.states(x)
        weight_RT1 = mask_RT[..., None].to(states[-1].dtype)
        mean: Tensor = (states[-1] * weight_RT1).sum(1) / weight_RT1.sum(1).clamp(min=1)
        return nn.functional.normalize(mean, dim=-1) if self.unit else mean

    def states(self, x: Tensor | Mapping[str, Tensor]) -> tuple[list[Tensor], Tensor]:
        """Of all tokens (texts, tokens, width): the embeddings, then after each layer; and which tokens are real."""
        tokens_RT, mask_RT = (x, x != 0) if isinstance(x, Tensor) else (x["tokens"], x["mask"] > 0)
        if not (is_exporting() or is_mapped()):
            used = mask_RT.any(0).nonzero()
            longest = int(used[-1]) + 1 if used.numel() else 1
            tokens_RT, mask_RT = tokens_RT[:, :longest], mask_RT[:, :longest]
        found = self.tokens(tokens_RT.long())
        if self.positions is not None:
            most = self.positions.num_embeddings
            if tokens_RT.shape[1] > most:
                raise ShapeError(
                    f"texts of {tokens_RT.shape[1]} tokens, but there are {most} positions. Cut them at {most} tokens."
                )
            found = found + self.positions.weight[: tokens_RT.shape[1]]
        states = [self.norm(found)]
        sees = torch.cat([torch.ones_like(mask_RT[:, :1]), mask_RT[:, 1:]], 1)[:, None, None]  # nothing to look at would be NaN
        for layer in self.layers:
            states.append(layer(states[-1], sees))
        return states, mask_RT


def _table(rows: int, width: int) -> nn.Embedding:
    """BERT's first weights; none on the meta device, where drawing them loads a compiler first, which takes a second."""
    table: nn.Embedding = nn.Embedding.from_pretrained(torch.empty(rows, width), freeze=False)  # type: ignore[no-untyped-call]
    if not table.weight.is_meta:
        nn.init.normal_(table.weight, std=0.02)
    return table


class _Layer(nn.Module):
    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.output = (nn.Linear(width, width) for _ in range(4))
        self.wide, self.narrow = nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.norms = nn.ModuleList(nn.LayerNorm(width, eps=1e-12) for _ in range(2))

    def forward(self, x: Tensor, sees: Tensor) -> Tensor:
        q, k, v = (part(x).unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in (self.query, self.key, self.value))
        with plain_attention(is_inner() or is_mapped()):
            found = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=sees)
        x = self.norms[0](x + self.output(found.transpose(1, 2).flatten(2)))
        joined: Tensor = self.norms[1](x + self.narrow(nn.functional.gelu(self.wide(x))))
        return joined
