"""States of words in their sentence: of a text encoder's layers, the mean over the pieces of each word.

Source: Devlin, Chang, Lee & Toutanova, 2019, BERT (states of several layers joined, for named entities).
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from quickstudy.errors import ShapeError
from quickstudy.nn.backbones.token_transformer import TokenTransformer

__all__ = ["WordStates"]


class WordStates(TokenTransformer):
    """Sentences -> a vector for each of their words, which depends on the words around it.

    With ``h_l`` the states after layer l and ``[a, b)`` the pieces of a word, its vector joins ``mean(h_l[a:b])`` of some layers.

    Args:
        vocabulary, width, depth, heads, hidden, positions: as of `TokenTransformer`.
        layers: l of the states that are joined, counted from 1.

    Raises:
        ShapeError: a layer that there is not; heads do not divide the width; sentences of more pieces than there are positions.

    Shapes:
        {"pieces": (sentences, pieces) of whole numbers, 0 is padding, "starts" and "ends": (sentences, words)} ->
        (sentences, words, width · layers); a word without pieces (start = end) has zeros

    >>> network = WordStates(100, 8, depth=2, layers=(1, 2)).eval()
    >>> sentence = {"pieces": torch.tensor([[1, 5, 7, 9, 2]]), "starts": torch.tensor([[1, 3]]), "ends": torch.tensor([[3, 4]])}
    >>> network(sentence).shape, network.features  # two words: of two pieces, and of one
    (torch.Size([1, 2, 16]), 16)
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
        layers: Sequence[int] = (1,),
    ) -> None:
        super().__init__(vocabulary, width, depth=depth, heads=heads, hidden=hidden, positions=positions)
        if not layers or not all(1 <= layer <= depth for layer in layers):
            raise ShapeError(f"layers={tuple(layers)} must be one or more of the {depth} layers, counted from 1.")
        self.joined = tuple(layers)
        self.features = width * len(self.joined)

    def forward(self, x: Mapping[str, Tensor]) -> Tensor:  # type: ignore[override]  # pieces and places of words, no tensor
        states, _ = self.states(x["pieces"])
        sums = [torch.nn.functional.pad(states[layer].cumsum(1), (0, 0, 1, 0)) for layer in self.joined]
        longest = sums[0].shape[1] - 1
        starts, ends = (x[name].clamp(0, longest)[..., None].expand(-1, -1, sums[0].shape[2]) for name in ("starts", "ends"))
        pieces = (x["ends"] - x["starts"]).clamp(min=1)[..., None]
        return torch.cat([(total.gather(1, ends) - total.gather(1, starts)) / pieces for total in sums], -1)
