"""Targets that are texts: outputs are candidates with their probabilities, and the most probable one is the answer."""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.distributions import Categorical as Choice
from torch.distributions import Distribution

from quickstudy.borders.targets import Kind
from quickstudy.errors import ShapeError
from quickstudy.functional.spelling import codes_of, texts_of
from quickstudy.likelihood import Likelihood

__all__ = ["Spelled", "candidate_of", "candidates"]


def candidate_of(found: Any, y: Tensor) -> Tensor:
    """What a function answered, texts or code points (Q, L), as outputs of a single candidate each; outputs of `candidates`
    stay as they are.

    Raises:
        ShapeError: not one text for each of the targets (Q, L).

    >>> candidate_of(["ab"], torch.zeros(1, 3)).tolist()
    [[[0.0, 97.0, 98.0, 0.0]]]
    """
    if isinstance(found, Tensor) and found.ndim == y.ndim + 1 and found.shape[::2] == (y.shape[0], y.shape[1] + 1):
        return found.to(y.dtype)
    codes = codes_of(found, y.shape[1]) if isinstance(found, list) and all(isinstance(text, str) for text in found) else found
    if not isinstance(codes, Tensor) or codes.shape != y.shape:
        raise ShapeError(f"the targets are {y.shape[0]} texts: return a list of as many texts, or code points {tuple(y.shape)}.")
    return candidates(y.new_zeros(y.shape[0], 1), codes[:, None])


def candidates(logits: Tensor, codes: Tensor) -> Tensor:
    """Outputs (Q, C, 1 + L) of logits (Q, C) and of the code points of candidates (Q, C, L)."""
    return torch.cat([logits[..., None], codes.to(logits.dtype)], -1)


_NEVER = 1e-9
"""Probability below which a candidate is none."""


@dataclass(frozen=True)
class Spelled(Likelihood):
    """Texts, as code points (R, L) with 0 behind their end: outputs are candidates, the score is exact match.

        ``p(text) = (1 − ε) Σ_c softmax(logits)_c [candidate_c = text] + ε``

    Outputs (Q, C, 1 + L) are the logit of each candidate, then its code points, see `candidates`. A share ε is left for all
    texts that are no candidate, so that the loss stays finite. The expected value is the most probable candidate.

    Args:
        missed: ε.

    >>> from quickstudy.functional.spelling import codes_of
    >>> said = candidates(torch.tensor([[0.0, 1.0]]), codes_of(["goed", "went"], 5)[None])
    >>> Spelled().score(said, codes_of(["went"], 5).float(), torch.ones(1))
    tensor(1.)
    """

    missed: float = 1e-3
    targets: ClassVar[Kind] = "values"
    metric: ClassVar[str] = "exact match"
    higher_is_better: ClassVar[bool] = True

    def each(self, outputs: Tensor, y: Tensor) -> Tensor:
        if outputs.ndim != y.ndim + 1 or outputs.shape[-1] != y.shape[-1] + 1:
            raise ShapeError(
                f"outputs of shape {tuple(outputs.shape)} are no candidates for texts of shape {tuple(y.shape)}: give the logit "
                "of each and code points, (Q, candidates, 1 + L)."
            )
        right = (outputs[..., 1:] == y[..., None, :]).all(-1)
        found = (outputs[..., 0].softmax(-1) * right).sum(-1)
        return -((1 - self.missed) * found + self.missed).log()

    def mean(self, outputs: Tensor) -> Tensor:
        best = outputs[..., 0].argmax(-1)[..., None, None].expand(*outputs.shape[:-2], 1, outputs.shape[-1] - 1)
        return outputs[..., 1:].gather(-2, best).squeeze(-2)

    def named(self, outputs: Tensor, most: int) -> list[dict[str, float]]:
        """The most probable candidates of each row with their probabilities, the most probable first."""
        found = outputs[..., 0].softmax(-1).topk(min(most, outputs.shape[-2]), -1)
        rows: list[dict[str, float]] = []
        for probabilities, codes in zip(found.values, outputs[..., 1:], strict=True):
            texts = texts_of(codes[found.indices[len(rows)]])
            pairs = zip(texts, probabilities.tolist(), strict=True)
            rows.append({text: p for place, (text, p) in enumerate(pairs) if p > _NEVER or not place})
        return rows

    def distribution(self, outputs: Tensor) -> Distribution:
        """Of the number of the candidate."""
        return Choice(logits=outputs[..., 0])

    def rate(self, outputs: Tensor, y: Tensor) -> Tensor:
        right = (self.mean(outputs) == y).all(-1).to(outputs.dtype)
        return torch.where(outputs.isnan().flatten(-2).any(-1), torch.nan, right)
